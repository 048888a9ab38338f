// Package clawhq is a client for the ClawHQ API, which lets a program chat with
// hosted AI agents.
package clawhq
