package server

import "testing"

func TestCleanedAnswers(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]string{
		"":                             "",
		"  yes\n":                      "yes",
		"\ufeffyes\u0085":              "yes\u0085",
		"<think>a\nb</think> yes":      "yes",
		"<Thinking>a</thinking>yes":    "yes",
		"a<reflection>x</reflection>b": "ab",
		"<reasoning>x</reasoning>":     onlyReasoning,
		"<inner_monologue></inner_monologue> [thinking]x[/thinking] <|think_start|>y<|think_end|>": onlyReasoning,
		"<think>not closed":                 "<think>not closed",
		"<think>a</think>b<think>c</think>": "b",
		" \n ":                              onlyReasoning,
	} {
		if got := Live.cleaned(answer); got != want {
			t.Errorf("%q: %q, want %q", answer, got, want)
		}
		if got := Documented.cleaned(answer); got != answer {
			t.Errorf("documented, %q: %q", answer, got)
		}
	}
}
