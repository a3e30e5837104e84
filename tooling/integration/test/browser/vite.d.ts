/** What Vite makes of an import whose address ends in `?url`. */
declare module '*?url' {
  const address: string;
  export default address;
}
