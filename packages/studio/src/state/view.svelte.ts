/** The places of the page. */
export const places = ['pictures', 'model', 'train', 'use'] as const;
export type PlaceName = (typeof places)[number];

export const titles: Readonly<Record<PlaceName, string>> = {
  pictures: 'Pictures',
  model: 'Model',
  train: 'Train',
  use: 'Use',
};

export type Theme = 'system' | 'light' | 'dark';

const isTheme = (value: string | null): value is Theme => ['system', 'light', 'dark'].includes(value ?? '');

function storedTheme(): Theme {
  const stored = localStorage.getItem('theme');
  return isTheme(stored) ? stored : 'system';
}

/** What the page shows. */
class View {
  place: PlaceName = $state('pictures');
  theme: Theme = $state(storedTheme());
  /** What a screen reader is told. */
  announced = $state('');

  go(place: PlaceName): void {
    this.place = place;
    window.scrollTo({ top: 0 });
  }

  wear(theme: Theme): void {
    this.theme = theme;
    localStorage.setItem('theme', theme);
    if (theme === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
  }

  announce(text: string): void {
    this.announced = text;
  }
}

export const view = new View();
view.wear(view.theme);
