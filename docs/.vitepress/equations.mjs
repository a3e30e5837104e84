import { katex } from '@mdit/plugin-katex';

/** TeX between dollars, as GitHub shows it. A plain module: the plugin and VitePress have their types of markdown-it from two packages. */
export const equations = md =>
  md.use(katex, {
    transformer: html =>
      html
        .replaceAll('<span class="katex', '<span v-pre class="katex')
        .replaceAll('class="katex-display"', 'class="katex-display" tabindex="0"'), // it scrolls where it is too wide
  });
