// Whether the page has its server: loading, ready, signed out, no answer.

import { byId, say } from './dom.js';
import { loadCatalog, signIn } from './api.js';

let ready = false;

/**
 * Shows a state of the page: 'loading', 'ready', or the ApiError by which the
 * server was lost. What was typed stays.
 */
export function showState(state) {
  if (state === 'ready') ready = true;
  byId('loading').hidden = state !== 'loading';
  byId('signed-out').hidden = state.status !== 401;
  byId('offline').hidden = state.status !== 0;
  byId('main').dataset.lost = String(state.status === 401);
  if (state.status === 0) byId('offline-reason').textContent = state.message;
  if (state.status === 401) {
    byId('signed-out-reason').textContent = ready
      ? 'The server has stopped or was restarted. Its keys and its link are no longer valid.'
      : location.pathname === '/login' ? 'That link is not valid. The server prints a new one each time it starts.'
        : 'This page is for whoever started the server.';
    byId('login-link').focus();
  }
}

/** Takes back that the server does not answer, once the page was ready. */
export function showFound() {
  if (ready) byId('offline').hidden = true;
}

/** Sets the forms up by which one comes back. */
export function setUpSession() {
  byId('login-form').addEventListener('submit', async (event) => {
    event.preventDefault();
    const link = byId('login-link').value.trim();
    const token = /[?&]token=([\w-]+)/.exec(link)?.[1] ?? (/^[\w-]+$/.test(link) ? link : '');
    if (token === '') {
      say(byId('login-message'), 'Paste the whole link. It ends in /login?token=…', 'bad');
      return;
    }
    try {
      if (await signIn(token)) comeBack();
      else say(byId('login-message'), 'This link is not valid. The server prints a new one each time it starts.', 'bad');
    } catch (error) {
      say(byId('login-message'), String(error), 'bad');
    }
  });
  byId('offline-retry').addEventListener('click', async () => {
    try {
      await loadCatalog();
      if (!ready) comeBack();
    } catch {
      byId('offline-reason').textContent = `${byId('offline-reason').textContent.replace(/ Tried .*/, '')} Tried again at ${new Date().toLocaleTimeString()}.`;
    }
  });
}

// Loads the page anew, in the same entry of the browser's history: what was
// typed is there again.
function comeBack() {
  if (location.pathname === '/') location.reload();
  else location.replace('/');
}
