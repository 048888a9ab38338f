// A menu that a button opens, by the pattern "menu button" of the ARIA
// Authoring Practices. There is one, for whichever button is pressed.

import { byId, el } from './dom.js';

const box = el('div', { id: 'menu', class: 'menu', role: 'menu', popover: 'auto' });
byId('main').append(box); // a landmark

let lost = () => null;

/** Whether a menu is open: what has opened it should stay. */
export const menuIsOpen = () => box.matches(':popover-open');

/**
 * Makes a button open a menu of items() {id, label, act, danger}. again()
 * finds the button that has taken its place, for the focus to return to.
 */
export function opensMenu(button, items, again) {
  button.setAttribute('aria-haspopup', 'menu');
  button.popoverTargetElement = box;
  button.addEventListener('click', () => {
    if (menuIsOpen()) return; // this click closes it
    lost = again;
    box.setAttribute('aria-label', button.getAttribute('aria-label'));
    box.replaceChildren(...items().map(({ id, label, act, danger }, i) => el('button', {
      type: 'button', role: 'menuitem', tabindex: '-1', autofocus: i === 0, 'data-action': id, class: danger ? 'danger-quiet' : null,
      onclick: () => {
        box.hidePopover();
        act();
      },
    }, label)));
  });
}

box.addEventListener('toggle', ({ newState }) => {
  if (newState === 'closed' && document.activeElement === document.body) lost()?.focus();
});

box.addEventListener('keydown', (event) => {
  const items = [...box.children];
  const at = items.indexOf(document.activeElement);
  const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
  if (next !== undefined) {
    event.preventDefault();
    items.at(next % items.length).focus();
  } else if (event.key === 'Tab') {
    event.preventDefault();
    box.hidePopover();
  }
});
