import { h } from '../lib/dom.js';
import { icon } from '../lib/icons.js';
import { t } from '../lib/i18n.js';

let nextId = 0;

/**
 * A dialog over the page: keeps the focus inside, closes with Escape, and gives the focus back.
 *
 *     openDialog(t('module.add'), form);
 *
 * Fires `closed`. Whoever needs an answer listens to the events of what is inside.
 */
class ModalDialog extends HTMLElement {
  #dialog = null;

  /** @param {string} title @param {...Node} content */
  show(title, ...content) {
    const id = `dialog-${(nextId += 1)}`;
    const close = h(
      'button',
      { type: 'button', class: 'icon-button', 'aria-label': t('action.close'), onclick: () => this.close() },
      icon('close'),
    );
    const head = h('header', { class: 'dialog-head' }, h('h2', { id }, title), close);
    this.#dialog = h(
      'dialog',
      { class: 'dialog', 'aria-labelledby': id },
      head,
      h('div', { class: 'dialog-body' }, ...content),
    );
    this.#dialog.addEventListener('close', () => this.#gone());
    this.replaceChildren(this.#dialog);
    this.#dialog.showModal();
    this.#dialog.querySelector('[autofocus], .dialog-body input, .dialog-body button')?.focus();
  }

  close() {
    this.#dialog?.close();
  }

  #gone() {
    this.dispatchEvent(new Event('closed'));
    this.remove();
  }
}

customElements.define('modal-dialog', ModalDialog);

/** Opens a dialog with a title and content; answers it. */
export function openDialog(title, ...content) {
  const dialog = h('modal-dialog');
  document.body.append(dialog);
  dialog.show(title, ...content);
  return dialog;
}

/** Closes every dialog, as when the page below changes. */
export function closeDialogs() {
  for (const dialog of document.querySelectorAll('modal-dialog')) dialog.close();
}
