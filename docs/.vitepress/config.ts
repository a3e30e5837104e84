import { createRequire } from 'node:module';
import { defineConfig } from 'vitepress';
import { equations } from './equations.mjs';
import { followLinks } from './links.ts';
import { addressOf, sources } from './pages.ts';
import { api, manual } from './sidebar.ts';

const { resolve } = createRequire(import.meta.url);

export default defineConfig({
  title: 'peft for TypeScript',
  description: 'Fine-tune a vision transformer in Node and in the browser, with a few hundred kilobytes of adapter.',
  lang: 'en',
  base: process.env.PEFT_DOCS_BASE ?? '/', // where a host keeps the site
  srcDir: '..',
  srcExclude: sources.excluded,
  rewrites: addressOf,
  outDir: 'dist',
  cleanUrls: true,
  lastUpdated: false,
  markdown: {
    theme: { light: 'github-light-high-contrast', dark: 'github-dark-high-contrast' },
    config(md) {
      md.use(equations);
      md.use(followLinks);
    },
  },
  vite: {
    publicDir: false,
    // Pages outside docs/ find Vue here.
    resolve: {
      alias: {
        'vue/server-renderer': resolve('vue/server-renderer'),
        vue: resolve('vue/dist/vue.runtime.esm-bundler.js'),
      },
    },
  },
  themeConfig: {
    search: { provider: 'local' },
    outline: { level: [2, 3] },
    nav: [
      { text: 'Start', link: '/getting-started' },
      { text: 'Methods', link: '/methods/', activeMatch: '^/methods/' },
      { text: 'Results', link: '/results' },
      { text: 'API', link: '/api/', activeMatch: '^/api/' },
    ],
    sidebar: { '/': manual, '/api/': api },
  },
});
