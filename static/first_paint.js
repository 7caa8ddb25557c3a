// Runs before the first paint, so that a chosen theme or language never flashes in another.
(() => {
  try {
    const theme = localStorage.getItem('carillon.theme');
    if (theme === 'dark' || theme === 'light') document.documentElement.dataset.theme = theme;
    const language = localStorage.getItem('carillon.language') ?? navigator.language.slice(0, 2);
    if (language === 'fr') document.documentElement.lang = 'fr';
  } catch {
    // storage may be forbidden; the system's theme and the browser's language stand
  }
})();
