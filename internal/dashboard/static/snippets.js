// A request as a program.

import { curl } from './snippets/curl.js';
import { go } from './snippets/go.js';
import { javascript } from './snippets/javascript.js';
import { python } from './snippets/python.js';

/** The languages, in the order they are offered. */
export const languages = {
  curl: { label: 'curl', write: curl },
  go: { label: 'Go', write: go },
  python: { label: 'Python', write: python },
  javascript: { label: 'JavaScript', write: javascript },
};
