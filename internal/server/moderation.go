package server

import (
	"slices"
	"strings"
	"unicode"
)

// blockedWords are the words that the live service's moderation stumbles
// over, by topic.
var blockedWords = map[string][]string{
	"violence": {"attack", "bomb", "kill", "murder", "shoot", "weapon"},
}

// blockedTopic returns the topic of the first blocked word in a message, or
// nothing.
func blockedTopic(message string) string {
	words := strings.FieldsFunc(strings.ToLower(message), func(r rune) bool { return !unicode.IsLetter(r) })
	for topic, blocked := range blockedWords {
		if slices.ContainsFunc(words, func(w string) bool { return slices.Contains(blocked, w) }) {
			return topic
		}
	}
	return ""
}
