// Starts the page: signed in or not, and which of its views is shown.

import { byId } from './dom.js';
import { Api, connection, loadCatalog } from './api.js';
import { AgentsTool } from './agentstool.js';
import { AimTool } from './aimtool.js';
import { ClockTool } from './clocktool.js';
import { Control } from './control.js';
import { FaultPanel } from './faults.js';
import { FirstMinute } from './firstminute.js';
import { Keyring } from './keyring.js';
import { KeysView } from './keys.js';
import { Playground } from './playground.js';
import { RequestsView } from './requests.js';
import { setUpSession, showFound, showState } from './session.js';
import { certificateIsIn } from './snippets/words.js';
import { WebhooksView } from './webhooks.js';

const titles = { requests: 'Requests', keys: 'API Access', webhooks: 'Webhooks', playground: 'Playground' };

const toolsAge = 3000; // milliseconds: how old may be what is shown of the clock, faults and agents

async function start() {
  byId('server-url').textContent = location.origin;
  setUpSession();
  connection.addEventListener('lost', ({ detail }) => showState(detail));
  connection.addEventListener('found', showFound);
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
  const api = new Api(catalog);
  const keys = new KeysView(api, keyring, tiers, (id) => {
    playground.useKey(id);
    location.hash = 'playground';
  });
  await keys.refresh();
  const faults = new FaultPanel(catalog.faults);
  playground = new Playground(catalog, keyring, faults, api, () => keys.refresh());
  const webhooks = new WebhooksView(api, catalog.webhook_events);
  const control = new Control(catalog.control);
  if (catalog.certificate?.file) certificateIsIn(catalog.certificate.file);
  const aim = new AimTool(catalog, control, keyring);
  const tools = [new ClockTool(control), aim, new AgentsTool(control)];
  new RequestsView({ catalog, control, keyring, aim, first: new FirstMinute(catalog), refreshKeys: () => keys.refresh() });
  const refresh = { requests: () => tools.forEach((tool) => tool.refresh()), keys: () => keys.refresh(), webhooks: () => webhooks.refresh(), playground: () => playground.refresh() };

  // Tests change these, too.
  setInterval(() => { if (view() === 'requests' && !document.hidden && byId('main').dataset.lost !== 'true') refresh.requests(); }, toolsAge);

  const view = () => (location.hash.slice(1) in titles ? location.hash.slice(1) : 'requests');
  const show = () => {
    const name = view();
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
    refresh[view()]();
  });
  document.querySelector('nav').hidden = false;
  showState('ready');
  show();
  if (view() !== 'keys') refresh[view()]();
}

// The skip link moves the focus; as a link it would lead to another view.
document.querySelector('.skip').addEventListener('click', (event) => {
  event.preventDefault();
  byId('main').focus();
  byId('main').scrollIntoView();
});

start();
