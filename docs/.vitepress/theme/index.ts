import 'katex/dist/katex.min.css';
import { type Theme, useData } from 'vitepress';
import DefaultTheme from 'vitepress/theme';
import { onMounted, watch } from 'vue';
import MethodDrawing from './MethodDrawing.vue';
import './style.css';

export default {
  extends: DefaultTheme,
  setup() {
    const { frontmatter } = useData();
    // The layout of the home page has no main landmark of its own.
    const mark = (): void => {
      const content = document.getElementById('VPContent');
      if (content) content.role = frontmatter.value.layout === 'home' ? 'main' : null;
    };
    onMounted(mark);
    watch(() => frontmatter.value.layout, mark, { flush: 'post' });
  },
  enhanceApp({ app }) {
    app.component('MethodDrawing', MethodDrawing);
  },
} satisfies Theme;
