import 'katex/dist/katex.min.css';
import type { Theme } from 'vitepress';
import DefaultTheme from 'vitepress/theme';
import MethodDrawing from './MethodDrawing.vue';
import './style.css';

export default {
  extends: DefaultTheme,
  enhanceApp({ app }) {
    app.component('MethodDrawing', MethodDrawing);
  },
} satisfies Theme;
