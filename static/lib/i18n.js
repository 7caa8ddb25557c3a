import { en } from '../i18n/en.js';
import { fr } from '../i18n/fr.js';
import { remember, recall } from './preferences.js';

const DICTIONARIES = { en, fr };

/** Tells `change` when the language changes; the page is then drawn anew. */
export const languageChanges = new EventTarget();

let language = recall('language') ?? (navigator.language.startsWith('fr') ? 'fr' : 'en');
if (!(language in DICTIONARIES)) language = 'en';

/** The language in use: `en` or `fr`. */
export function currentLanguage() {
  return language;
}

/** The language with the country's habits, where the browser tells them: `fr-CH`. */
export function locale() {
  return navigator.languages?.find((name) => name.startsWith(language)) ?? language;
}

/** The languages there are, each with its own name. */
export const LANGUAGES = [
  { code: 'en', name: 'English' },
  { code: 'fr', name: 'Français' },
];

/** Changes the language and keeps the choice. */
export function chooseLanguage(code) {
  language = code;
  remember('language', code);
  document.documentElement.lang = code;
  languageChanges.dispatchEvent(new Event('change'));
}

/**
 * The words for a key, with `{name}` replaced. With a `count`, the key's form for that number is taken (`key.one`, `key.other`).
 *
 * @param {string} key
 * @param {Record<string, string | number>} [values]
 */
export function t(key, values = {}) {
  const dictionary = DICTIONARIES[language];
  const form =
    'count' in values
      ? `${key}.${new Intl.PluralRules(language).select(values.count) === 'one' ? 'one' : 'other'}`
      : key;
  const words = unbroken(dictionary[form] ?? dictionary[key] ?? en[form] ?? key);
  return words.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? show(values[name]) : whole));
}

// In French a space stands before these marks, and no line may end there.
function unbroken(words) {
  return language === 'fr' ? words.replace(/ (?=[?!:;»])/g, '\u00a0').replace(/« /g, '«\u00a0') : words;
}

/** Whether there are words for a key. */
export function hasWords(key) {
  return key in en;
}

function show(value) {
  return typeof value === 'number' ? new Intl.NumberFormat(locale()).format(value) : String(value);
}
