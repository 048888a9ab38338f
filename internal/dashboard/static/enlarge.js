// Request and response share the width, unless one of them is enlarged.

const buttons = [...document.querySelectorAll('[data-enlarge]')];

for (const button of buttons) {
  button.addEventListener('click', () => {
    const large = button.getAttribute('aria-pressed') !== 'true';
    for (const other of buttons) other.setAttribute('aria-pressed', String(large && other === button));
    button.closest('.panels').dataset.large = large ? button.closest('section').id : '';
  });
}
