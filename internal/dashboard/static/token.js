// The token of the login link, kept for this tab and this origin. The page shows it to
// the server, since a browser sends cookies to servers on other ports as well.

const name = 'clawhq-dashboard-token';

/** The header of the page's own calls, and of those that the session signs in: [name, value]. */
export const tokenHeader = () => ['X-Dashboard-Token', sessionStorage.getItem(name) ?? ''];
export const keepToken = (value) => sessionStorage.setItem(name, value);

// The server has put it after the #, whence it goes.
if (location.hash.startsWith('#token=')) {
  keepToken(location.hash.slice('#token='.length));
  history.replaceState(history.state, '', location.pathname + location.search);
}
