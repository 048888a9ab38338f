package server

import (
	"regexp"

	"github.com/clawhq/clawhq-go/internal/js"
)

// reasoning matches the parts of an answer in which a model thinks aloud.
var reasoning = []*regexp.Regexp{
	regexp.MustCompile(`(?is)<think>.*?</think>`),
	regexp.MustCompile(`(?is)<thinking>.*?</thinking>`),
	regexp.MustCompile(`(?is)<reflection>.*?</reflection>`),
	regexp.MustCompile(`(?is)<reasoning>.*?</reasoning>`),
	regexp.MustCompile(`(?is)<inner_monologue>.*?</inner_monologue>`),
	regexp.MustCompile(`(?is)\[thinking\].*?\[/thinking\]`),
	regexp.MustCompile(`(?is)<\|think_start\|>.*?<\|think_end\|>`),
}

// Texts that replace an empty answer: noAnswer in chats and threads, noItemAnswer in
// batches.
const (
	noAnswer     = "No response from agent"
	noItemAnswer = "No response"
)

// onlyReasoning replaces an answer that consists of reasoning only.
const onlyReasoning = "I processed your request but have no response to show."

// cleaned returns an agent's answer as it is sent. In profile Live it has no
// reasoning, and no blanks at its ends. An empty answer stays empty.
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
