export { type ServedStudio, type ServeOptions, serveStudio } from './serve.ts';
