// Building DOM nodes. Text always enters as text nodes, never as markup.

/**
 * Makes an element. Attributes that are false, null or undefined are left
 * out, true ones are set empty; functions are event listeners named by their
 * attribute ("onclick"). Children are nodes or text.
 */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (typeof value === 'function') node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? '' : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** Finds the element with an id. */
export const byId = (id) => document.getElementById(id);

/** Shows a message in a live region, or empties and hides it. */
export function say(region, text = '', tone = '') {
  region.textContent = text;
  region.dataset.tone = tone;
  region.hidden = text === '';
}
