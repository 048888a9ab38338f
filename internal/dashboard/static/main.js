// Starts the page: signed in or not, and which of its views is shown.

import { byId } from './dom.js';
import { Keys, connection, loadCatalog } from './api.js';
import { FaultPanel } from './faults.js';
import { Keyring } from './keyring.js';
import { KeysView } from './keys.js';
import { Playground } from './playground.js';
import { setUpSession, showState } from './session.js';

const titles = { keys: 'API Access', playground: 'Playground' };

async function start() {
  byId('server-url').textContent = location.origin;
  setUpSession();
  connection.addEventListener('lost', ({ detail }) => showState(detail));
  showState('loading');
  let catalog;
  try {
    catalog = await loadCatalog();
  } catch {
    return; // told by showState
  }
  byId('server-profile').textContent = `${catalog.profile} profile`;
  byId('server-profile').hidden = false;
  byId('server-url').textContent = location.origin + catalog.base_path;

  const keyring = new Keyring(catalog.key_prefix_chars);
  for (const secret of catalog.api_keys) keyring.paste(secret, 'Printed key');
  const tiers = catalog.endpoints.find((e) => e.id === 'keys.create').parameters.find((p) => p.name === 'rate_limit_per_min');
  let playground;
  const keys = new KeysView(new Keys(catalog), keyring, tiers, (id) => {
    playground.useKey(id);
    location.hash = 'playground';
  });
  await keys.refresh();
  const faults = new FaultPanel(catalog.faults);
  playground = new Playground(catalog, keyring, faults);

  const show = () => {
    const name = location.hash.slice(1) in titles ? location.hash.slice(1) : 'keys';
    for (const view of document.querySelectorAll('[data-view]')) view.hidden = view.dataset.view !== name;
    for (const link of document.querySelectorAll('nav a')) {
      if (link.hash === `#${name}`) link.setAttribute('aria-current', 'page');
      else link.removeAttribute('aria-current');
    }
    document.title = `${titles[name]} · ClawHQ`;
    scrollTo(0, 0);
  };
  addEventListener('hashchange', () => {
    show();
    if (location.hash === '#playground') faults.refresh();
    else keys.refresh();
  });
  document.querySelector('nav').hidden = false;
  showState('ready');
  show();
  faults.refresh();
}

// The skip link moves the focus; as a link it would lead to another view.
document.querySelector('.skip').addEventListener('click', (event) => {
  event.preventDefault();
  byId('main').focus();
  byId('main').scrollIntoView();
});

start();
