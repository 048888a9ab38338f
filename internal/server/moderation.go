package server

import (
	"regexp"
	"strings"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// blocked are the expressions of the live service's moderation, in its order. As in
// JavaScript, \b knows only ASCII words, and only ASCII letters match in either case.
var blocked = []struct {
	topic string
	words *regexp.Regexp // matched against the message in lower case
}{
	{"violence", words(`kill|murder|assault|weapon|bomb|shoot|stab|attack`)},
	{"sexual", words(`explicit|pornograph|nsfw`)},
	{"hate", words(`hate SPACE speech|racist|discriminat`)},
	{"self_harm", words(`suicide|self[^\n\r\x{2028}\x{2029}\x{10000}-\x{10FFFF}]?harm|cut SPACE myself`)},
	{"prompt_injection", words(`ignore SPACE (all SPACE )?(previous|prior|above) SPACE (instructions|prompts|rules)|you SPACE are SPACE now SPACE (dan|jailbreak|unrestricted)|do SPACE anything SPACE now`)},
}

func words(alternatives string) *regexp.Regexp {
	space := `[\t-\r \x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}\x{FEFF}]+`
	return regexp.MustCompile(`\b(?:` + strings.NewReplacer(" SPACE ", space).Replace(alternatives) + `)\b`)
}

// moderate refuses a message about a blocked topic, if the profile moderates messages.
func (c *call) moderate(message string) error {
	if c.profile.quirks().moderates {
		if topic := blockedTopic(message); topic != "" {
			return refuse(wire.CodeContentBlocked, "Content blocked: "+topic, "")
		}
	}
	return nil
}

// blockedTopic returns the topic of the first expression that matches a message, or
// an empty string.
func blockedTopic(message string) string {
	message = strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, message)
	for _, b := range blocked {
		if b.words.MatchString(message) {
			return b.topic
		}
	}
	return ""
}
