// Keys, secrets of webhooks, sessions and tokens in texts: they are known by
// their form, or by what stands before them.

const dots = '••••••••';
const secret = /(clw_[A-Za-z0-9]{8})[A-Za-z0-9]{24}|(whsec_)[0-9a-f]{16,}|(session=|Bearer )(?!clw_)[\w.~+/=-]{16,}/g;

/** A text without what would give a secret away. */
export const masked = (text) => text.replace(secret, (_, ...starts) => `${starts.find(Boolean)}${dots}`);

// What is shown of a header's credential: the scheme and, of an API key, the prefix;
// the names of cookies.
const authorization = (value) => value.replace(/^([\w-]+ +(?:clw_[A-Za-z0-9]{8}(?=[A-Za-z0-9]{24}$))?)?.+/, `$1${dots}`);
const cookies = (value) => value.replace(/([^;=]*=)?[^;]+/g, `$1${dots}`);
const credentials = new Map([['authorization', authorization], ['proxy-authorization', authorization], ['cookie', cookies]]);

/** What to show in place of a header's value; undefined if the header carries no credential. */
export const shownOf = (name, value) => credentials.get(name.toLowerCase())?.(value);

/** Headers, written one on each line, without what would give a credential away. */
export const maskedHeaders = (text) => text.replace(/^(.*?):[ \t]*(.*)$/gm, (line, name, value) => {
  const shown = shownOf(name.trim(), value);
  return shown === undefined ? line : `${name}: ${shown}`;
});
