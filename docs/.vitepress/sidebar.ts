/** What stands at the left of a page. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { DefaultTheme } from 'vitepress';
import { methods } from './pages.ts';

const names: Record<string, string> = { lora: 'LoRA', neat: 'NEAT', lily: 'Lily', pear: 'Pear', heat: 'HEAT' };

const others = readdirSync(new URL('../../packages', import.meta.url)).filter(name => !methods.includes(name));

export const manual: DefaultTheme.SidebarItem[] = [
  {
    text: 'Start',
    items: [
      { text: 'An adapter in five minutes', link: '/getting-started' },
      { text: 'In the browser, without code', link: '/studio' },
      { text: 'Examples', link: '/examples/' },
      { text: 'Install', link: '/install' },
    ],
  },
  {
    text: 'Methods',
    items: [
      { text: 'Which one', link: '/methods/' },
      ...methods.map(name => ({ text: names[name] ?? name, link: `/methods/${name}` })),
    ],
  },
  {
    text: 'Guides',
    items: [
      { text: 'Your own model', link: '/your-own-model' },
      { text: 'Several methods at once', link: '/composing' },
      { text: 'Writing a method', link: '/writing-a-method' },
      { text: 'In your own page', link: '/browser' },
      { text: 'From Python and back', link: '/python' },
      { text: 'VTAB-1K', link: '/packages/vtab' },
      { text: 'Sweeps on many machines', link: '/sweeps' },
      { text: 'Speed', link: '/benchmarks' },
      { text: 'Memory', link: '/memory' },
      { text: 'Eight bits', link: '/quantization' },
      { text: 'Troubleshooting', link: '/troubleshooting' },
    ],
  },
  {
    text: 'Reference',
    items: [
      { text: 'Results', link: '/results' },
      { text: 'Sizes and speed by commit', link: '/history' },
      { text: 'Limits', link: '/limits' },
      { text: 'Compatibility', link: '/compatibility' },
      { text: 'Versions', link: '/upgrading' },
      { text: 'Architecture', link: '/architecture' },
      { text: 'API', link: '/api/' },
    ],
  },
  {
    text: 'Packages',
    items: others.map(name => ({ text: `@peft/${name}`, link: `/packages/${name}` })),
  },
  {
    text: 'The project',
    items: [
      { text: 'Contributing', link: '/CONTRIBUTING' },
      { text: 'Security', link: '/SECURITY' },
      { text: 'Code of conduct', link: '/CODE_OF_CONDUCT' },
    ],
  },
];

/** Written by TypeDoc, with the pages of `docs/api`. */
const written = new URL('../api/typedoc-sidebar.json', import.meta.url);

/** All entries at one level: a group that folds is a button with a link inside, which screen readers cannot tell apart. */
const flat = (items: DefaultTheme.SidebarItem[]): DefaultTheme.SidebarItem[] =>
  items.flatMap(({ text, link, items: inner = [] }) => [...(link ? [{ text, link }] : []), ...flat(inner)]);

export const api: DefaultTheme.SidebarItem[] = existsSync(written)
  ? [{ text: 'API', items: flat(JSON.parse(readFileSync(written, 'utf8'))) }]
  : [];
