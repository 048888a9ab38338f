// Starts the page: signed in or not, and which of the two views is shown.

import { byId } from './dom.js';
import { Keys, loadCatalog } from './api.js';
import { FaultPanel } from './faults.js';
import { Keyring } from './keyring.js';
import { KeysView } from './keys.js';
import { Playground } from './playground.js';

const titles = { keys: 'API Access', playground: 'Playground' };

async function start() {
  let catalog;
  try {
    catalog = await loadCatalog();
  } catch (error) {
    byId('signed-out').hidden = false;
    byId('signed-out-reason').textContent = error.status === 401 ? '' : String(error);
    return;
  }
  byId('server-profile').textContent = `${catalog.profile} profile`;
  byId('server-url').textContent = location.origin + catalog.base_path;

  const keyring = new Keyring(catalog.key_prefix_chars);
  const faults = new FaultPanel(catalog.faults);
  const playground = new Playground(catalog, keyring, faults);
  const tiers = catalog.endpoints.find((e) => e.id === 'keys.create').parameters.find((p) => p.name === 'rate_limit_per_min');
  const keys = new KeysView(new Keys(catalog), keyring, tiers, (id) => {
    playground.useKey(id);
    location.hash = 'playground';
  });

  // The keys are listed when their view is entered, not by the playground:
  // the call would use up a fault that was armed for another.
  const show = () => {
    const name = location.hash.slice(1) in titles ? location.hash.slice(1) : 'keys';
    for (const view of document.querySelectorAll('[data-view]')) view.hidden = view.dataset.view !== name;
    for (const link of document.querySelectorAll('nav a')) {
      if (link.hash === `#${name}`) link.setAttribute('aria-current', 'page');
      else link.removeAttribute('aria-current');
    }
    document.title = `${titles[name]} · ClawHQ`;
    scrollTo(0, 0);
    if (name === 'keys') keys.refresh();
    else faults.refresh();
  };
  addEventListener('hashchange', show);
  document.querySelector('nav').hidden = false;
  show();
}

start();
