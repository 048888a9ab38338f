package server

import (
	"regexp"

	"github.com/clawhq/clawhq-go/internal/js"
)

// reasoning are the parts of answers in which models think aloud.
var reasoning = []*regexp.Regexp{
	regexp.MustCompile(`(?is)<think>.*?</think>`),
	regexp.MustCompile(`(?is)<thinking>.*?</thinking>`),
	regexp.MustCompile(`(?is)<reflection>.*?</reflection>`),
	regexp.MustCompile(`(?is)<reasoning>.*?</reasoning>`),
	regexp.MustCompile(`(?is)<inner_monologue>.*?</inner_monologue>`),
	regexp.MustCompile(`(?is)\[thinking\].*?\[/thinking\]`),
	regexp.MustCompile(`(?is)<\|think_start\|>.*?<\|think_end\|>`),
}

// The texts in place of an answer that is empty, in chats and threads, and as an item
// of a batch.
const (
	noAnswer     = "No response from agent"
	noItemAnswer = "No response"
)

// onlyReasoning is the text in place of an answer of which nothing is left without
// its reasoning.
const onlyReasoning = "I processed your request but have no response to show."

// cleaned returns an agent's answer as a reply has it: live without reasoning and
// blanks around it. An empty one stays empty.
func (p Profile) cleaned(answer string) string {
	if !p.quirks().cleansAnswers || answer == "" {
		return answer
	}
	for _, part := range reasoning {
		answer = part.ReplaceAllLiteralString(answer, "")
	}
	if answer = js.Trim(answer); answer == "" {
		return onlyReasoning
	}
	return answer
}
