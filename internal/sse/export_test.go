package sse

// Milliseconds is for the reference decoder.
var Milliseconds = milliseconds
