// What the snippets of all languages have in common. Credentials never enter
// their text; they read them from the environment.

import { escaped } from '../safe.js';

export const keyVariable = 'CLAWHQ_API_KEY';
export const sessionVariable = 'CLAWHQ_SESSION';

/** A word of a shell. */
export const shell = (text) => (/^[\w./:-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

/** A string literal: one of JSON is one of Go, Python and JavaScript, too. */
export const quote = (value) => escaped(JSON.stringify(String(value).toWellFormed()));

/** Whether the server's certificate is one that it made for itself. */
export const selfSigned = (request) => request.url.startsWith('https:');

let file = 'clawhq-server.pem';

/** Makes this the file that programs read the server's certificate from. */
export const certificateIsIn = (name) => { file = name; };

/** The file that programs read the server's certificate from. */
export const certificateFile = () => file;

/** Whether the reply is a stream. */
export const streams = (request) => request.values?.stream === true;

/** The headers to write out: what each language says in its own way is not among them. */
export const plainHeaders = (request) => request.headers.filter((h) => h.value !== null && !h.shown);

/** The media type of a file to send. */
export const typeOf = (file) => file.type || 'application/octet-stream';
