package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clawhq/clawhq-go/internal/wire"
)

// get decodes the reply to a GET below the base path.
func get[T any](t *testing.T, s service, path string) T {
	t.Helper()
	w := s.send(request{method: "GET", path: wire.BasePath + path})
	if w.Code != http.StatusOK {
		t.Fatalf("%s: status %d: %s", path, w.Code, w.Body)
	}
	return decode[T](t, w.Body)
}

func newThread(t *testing.T, s service, body string) wire.Thread {
	t.Helper()
	return decode[wire.ThreadReply](t, s.send(request{path: "/api/v1/threads", body: body}).Body).Thread
}

func TestDocumentedRefusals(t *testing.T) {
	t.Parallel()
	invalid := func(message, param string) wire.Error {
		return wire.Error{Code: "invalid_parameter", Message: message, Type: "validation_error", Param: param}
	}
	s := newService(t, Config{})
	thread := newThread(t, s, "")
	messages := "/api/v1/threads/" + thread.ID + "/messages"
	missing := wire.Error{Code: "missing_parameter", Message: "message is required", Type: "validation_error", Param: "message"}
	for _, tc := range []struct {
		r      request
		status int
		want   wire.Error
	}{
		{request{path: "/api/v1/threads", body: "{oops"}, 400, wire.Error{Code: "invalid_request", Message: "Invalid JSON body", Type: "validation_error"}},
		{request{path: "/api/v1/threads", body: `{"agent":5}`}, 400, invalid("agent must be a string", "agent")},
		{request{path: "/api/v1/threads", body: `{"agent":"nope"}`}, 404, wire.Error{Code: "agent_not_found", Message: `Agent "nope" not found or not deployed`, Type: "agent_error"}},
		{request{path: "/api/v1/threads", body: `{"metadata":"` + strings.Repeat("x", 3999) + `"}`}, 400, invalid("metadata exceeds maximum size of 4000 characters", "metadata")},
		{request{path: messages, body: `{"message":5}`}, 400, missing},
		{request{path: "/api/v1/chat/batch", body: `{"requests":[null]}`}, 400, invalid("custom_id must be alphanumeric with underscores/hyphens, max 128 chars", "requests")},
		{request{path: "/api/v1/chat/batch", body: `{"requests":[5]}`}, 400, invalid("custom_id must be alphanumeric with underscores/hyphens, max 128 chars", "requests")},
		{request{path: "/api/v1/chat/batch", body: `{"requests":[{"custom_id":"a","message":"m"}],"webhook_url":"http://10.0.0.1"}`}, 400,
			invalid("webhook_url must not point to a private or internal address", "webhook_url")},
		{request{method: "GET", path: "/api/v1/usage?days=abc"}, 400, invalid("days must be a number", "days")},
		{request{method: "GET", path: "/api/v1/audit-log?to=March%207"}, 400, invalid("to must be a valid ISO 8601 date", "to")},
		{request{method: "GET", path: "/api/v1/predictions/p"}, 404, wire.Error{Code: "not_found", Message: "Prediction not found", Type: "validation_error"}},
		{request{method: "DELETE", path: "/api/v1/agents/nope"}, 404, wire.Error{Code: "agent_not_found", Message: "Agent not found", Type: "agent_error"}},
	} {
		w := s.send(tc.r)
		t.Run(tc.r.path+tc.r.body, func(t *testing.T) { checkError(t, w, tc.status, tc.want) })
	}
}

// A page past the end is empty, and no page is refused.
func TestDocumentedPages(t *testing.T) {
	t.Parallel()
	s := newService(t, Config{})
	s.AddConversation(Conversation{Agent: "support-bot", Messages: []StoredMessage{{Role: RoleUser, Content: "hi"}}})
	for path, want := range map[string]wire.Paging{
		"/v1/agents?offset=5":                             {Total: 2},
		"/v1/agents?limit=1":                              {HasMore: true, Total: 2},
		"/v1/agents?limit=-1&offset=99999999999999999999": {Total: 2},
		"/v1/agents?limit=%201.9&offset=+x":               {HasMore: true, Total: 2},
	} {
		if got := get[wire.AgentList](t, s, path).Paging; got != want {
			t.Errorf("%s: %+v, want %+v", path, got, want)
		}
	}
	list := get[wire.ConversationList](t, s, "/v1/conversations?limit=3&agent=SUPPORT-bot")
	if len(list.Conversations) != 1 || list.Limit != 3 || list.Offset == nil || *list.Offset != 0 {
		t.Errorf("conversations %+v", list)
	}
	if got := list.Conversations[0]; got.Agent != "support-bot" || got.Status != "active" || got.StartedAt != got.CreatedAt {
		t.Errorf("conversation %+v", got)
	}
}

func TestAgentsUndeployed(t *testing.T) {
	t.Parallel()
	s := newService(t, Config{})
	a := get[wire.AgentList](t, s, "/v1/agents").Agents[0]
	if a.Slug != "support-bot" || a.AgentID != a.ID {
		t.Errorf("the agent deployed last is %+v", a)
	}
	one := get[wire.AgentReply](t, s, "/v1/agents/"+a.ID).Agent
	if a.Slug = ""; one != a {
		t.Errorf("shown as %+v, listed as %+v", one, a)
	}
	path := "/api/v1/agents/" + a.ID
	if w := s.send(request{method: "DELETE", path: path}); w.Code != 200 {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	checkError(t, s.send(request{method: "DELETE", path: path}), 400, wire.Error{Code: "invalid_request", Message: "Agent is not deployed", Type: "validation_error"})
	checkError(t, s.send(request{method: "GET", path: path}), 404, wire.Error{Code: "agent_not_found", Message: "Agent not found or not deployed", Type: "agent_error"})
	if got := decode[wire.ChatReply](t, s.send(request{body: hi}).Body).Agent; got != "sales-assistant" {
		t.Errorf("%s is the default without support-bot", got)
	}
	s.HandleAgent("support-bot", agentOf(says("back")))
	if got := get[wire.AgentList](t, s, "/v1/agents").Agents[0]; got.ID != a.ID || got.Name != "Support Bot" {
		t.Errorf("deployed again as %+v", got)
	}

	for _, a := range get[wire.AgentList](t, s, "/v1/agents").Agents {
		s.send(request{method: "DELETE", path: "/api/v1/agents/" + a.ID})
	}
	checkError(t, s.send(request{body: hi}), 404, wire.Error{Code: "agent_not_found", Message: `Agent "" not found or not deployed`, Type: "agent_error"})
	thread := newThread(t, s, "")
	if w := s.send(request{path: "/api/v1/threads/" + thread.ID + "/messages", body: hi}); w.Code != 503 {
		t.Errorf("a thread without any agent: status %d", w.Code)
	}
}

// listener is an agent that records its messages.
type listener struct{ heard []Message }

func (l *listener) answer(_ context.Context, m Message) iter.Seq2[string, error] {
	l.heard = append(l.heard, m)
	return says("answer ", fmt.Sprint(len(l.heard)))
}

// The agent gets the last 20 messages of the thread, and the new one.
func TestThreadHistory(t *testing.T) {
	t.Parallel()
	s := newService(t, Config{})
	var agent listener
	s.HandleAgent("listener", agent.answer)
	s.SetRateLimit(s.FirstKeyID(), 300)
	thread := newThread(t, s, `{"agent":"listener","metadata":{"ticket":"T-1"}}`)
	for i := range 13 {
		w := s.send(request{path: "/api/v1/threads/" + thread.ID + "/messages", body: fmt.Sprintf(`{"message":" question %d "}`, i+1)})
		got := decode[wire.ThreadAnswer](t, w.Body)
		if want := fmt.Sprint("answer ", i+1); *got.Response != want || got.ThreadID != thread.ID {
			t.Errorf("answer %+v, want %q", got, want)
		}
	}
	last := agent.heard[12]
	if len(last.History) != 20 || last.History[0] != (Turn{RoleUser, "question 3"}) || last.History[19] != (Turn{RoleAssistant, "answer 12"}) {
		t.Errorf("history %+v", last.History)
	}
	if last.Text != "question 13" || last.Agent != "listener" || last.SessionID != "" {
		t.Errorf("asked %+v", last)
	}
	kept := get[wire.MessageList](t, s, "/v1/threads/"+thread.ID+"/messages?limit=200")
	if kept.Total != 26 || kept.Messages[25].Content != "answer 13" || kept.ThreadID != thread.ID {
		t.Errorf("kept %+v", kept)
	}
	if got := get[wire.ThreadReply](t, s, "/v1/threads/"+thread.ID).Thread; got.MessageCount != 26 || string(got.Metadata) != `{"ticket":"T-1"}` {
		t.Errorf("thread %+v", got)
	}
}

// A message stays even if its agent fails, so after a repeat it is there twice. A
// thread with a new message comes first.
func TestThreadAfterAFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, Config{})
		agent := counter{fail: func(run int) bool { return run == 1 }}
		s.HandleAgent("moody", agent.answer)
		thread := newThread(t, s, `{"agent":"moody"}`)
		time.Sleep(time.Second)
		newer := newThread(t, s, "")
		path := "/api/v1/threads/" + thread.ID + "/messages"
		time.Sleep(time.Second)
		checkError(t, s.send(request{path: path, body: hi}), 502, wire.Error{Code: "model_error", Message: "Failed to get response from agent", Type: "model_error"})
		s.send(request{path: path, body: hi})
		var got []string
		for _, m := range get[wire.MessageList](t, s, "/v1/threads/"+thread.ID+"/messages").Messages {
			got = append(got, m.Role+" "+m.Content)
		}
		if diff := cmp.Diff([]string{"user hi", "user hi", "assistant run 2"}, got); diff != "" {
			t.Errorf("messages (-want +got):\n%s", diff)
		}
		list := get[wire.ThreadList](t, s, "/v1/threads").Threads
		if len(list) != 2 || list[0].ID != thread.ID || list[1].ID != newer.ID {
			t.Errorf("threads %+v", list)
		}
	})
}

// On the reference pages, a thread is created with a title and a first message.
func TestThreadWithAFirstMessage(t *testing.T) {
	t.Parallel()
	s := newService(t, Config{})
	created := decode[wire.ThreadReply](t, s.send(request{path: "/api/v1/threads", body: `{"title":"Help","agent":"support-bot","message":"What are your hours?"}`}).Body)
	got := created.Thread
	if got.Title != "Help" || got.MessageCount != 2 || !strings.Contains(created.Response, "9:00") || got.UpdatedAt != "" {
		t.Errorf("thread %+v", got)
	}
	s.HandleAgent("broken", agentOf(saysThen(errors.New("no"))))
	if w := s.send(request{path: "/api/v1/threads", body: `{"agent":"broken","message":"hi"}`}); w.Code != 502 {
		t.Errorf("a first message to a broken agent: status %d", w.Code)
	}
}

// The session of one API key cannot be continued with another, even with the same id.
func TestSessionsOfAKey(t *testing.T) {
	t.Parallel()
	s := newService(t, Config{})
	s.HandleAgent("a", historyLength)
	_, other := s.CreateKey("other", 60)
	body := chatBody(wire.ChatRequest{Message: "hi", Agent: "a", SessionID: "s"})
	for _, step := range []struct{ key, want string }{{s.key, "0"}, {s.key, "2"}, {other, "0"}, {s.key, "4"}, {other, "2"}} {
		w := s.send(request{key: step.key, body: body})
		if got := *decode[wire.ChatReply](t, w.Body).Response; got != step.want {
			t.Errorf("%s turns, want %s", got, step.want)
		}
	}
}

// A deleted thread is gone, and so are its messages.
func TestThreadDeleted(t *testing.T) {
	t.Parallel()
	s := newService(t, Config{})
	gone, stays := newThread(t, s, ""), newThread(t, s, "")
	if w := s.send(request{method: "DELETE", path: "/api/v1/threads/" + gone.ID}); w.Code != 200 {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	for _, r := range []request{
		{method: "GET", path: "/api/v1/threads/" + gone.ID},
		{method: "GET", path: "/api/v1/threads/" + gone.ID + "/messages"},
		{method: "DELETE", path: "/api/v1/threads/" + gone.ID},
		{path: "/api/v1/threads/" + gone.ID + "/messages", body: hi},
	} {
		checkError(t, s.send(r), 404, wire.Error{Code: "thread_not_found", Message: "Thread not found", Type: "validation_error"})
	}
	if list := get[wire.ThreadList](t, s, "/v1/threads"); list.Total != 1 || list.Threads[0].ID != stays.ID {
		t.Errorf("threads left: %+v", list)
	}
}

// upload sends a file in a form. The type of the part is sent as it is.
func (s service) upload(t *testing.T, name, mediaType, content string, fields ...string) wire.File {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for i := 0; i+1 < len(fields); i += 2 {
		form.WriteField(fields[i], fields[i+1])
	}
	part, _ := form.CreatePart(map[string][]string{"Content-Disposition": {`form-data; name="file"; filename="` + name + `"`}, "Content-Type": {mediaType}})
	part.Write([]byte(content))
	form.Close()
	w := s.send(request{path: "/api/v1/files", header: map[string]string{"Content-Type": form.FormDataContentType()}, body: body.String()})
	if w.Code != http.StatusOK {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	return decode[wire.File](t, w.Body)
}

// A text is indexed after a while, and any other file is an error. A test can set the
// statuses that the service sets after a failure.
func TestFileStates(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, Config{})
		text := s.upload(t, "a.md", "text/markdown", strings.Repeat("x", 1001), "purpose", "assistants").FileID
		empty := s.upload(t, "b.txt", "text/plain", "").FileID
		image := s.upload(t, "c.gif", "image/gif", "GIF89a").FileID
		check := func(id, status string, chunks int) {
			t.Helper()
			f := get[wire.File](t, s, "/v1/files/"+id)
			if f.Status != status || *f.Chunks != chunks {
				t.Errorf("%s: %s with %d chunks, want %s with %d", f.Filename, f.Status, *f.Chunks, status, chunks)
			}
		}
		check(text, wire.FileProcessing, 0)
		check(empty, wire.FileError, 0)
		time.Sleep(indexingTime)
		check(text, wire.FileProcessed, 2)
		check(image, wire.FileError, 0)
		s.SetFileStatus(text, wire.FilePendingEmbedding)
		check(text, wire.FilePendingEmbedding, 2)
		s.SetFileStatus(text, "")
		check(text, wire.FileProcessed, 2)

		list := get[wire.FileList](t, s, "/v1/files")
		if list.Total != 3 || list.Files[2].MIMEType != "text/markdown" {
			t.Errorf("files %+v", list)
		}
		s.send(request{method: "DELETE", path: "/api/v1/files/" + text})
		if got := get[wire.FileList](t, s, "/v1/files").Total; got != 2 {
			t.Errorf("%d files after one was deleted", got)
		}
		defer func() {
			if recover() == nil {
				t.Error("the status of no file is set")
			}
		}()
		s.SetFileStatus(text, wire.FileFailed)
	})
}

func TestUploadRefusals(t *testing.T) {
	t.Parallel()
	form := func(part string) request {
		return request{path: "/api/v1/files", header: map[string]string{"Content-Type": "multipart/form-data; boundary=b"}, body: "--b\r\n" + part + "\r\n--b--\r\n"}
	}
	named := func(mediaType, content string) request {
		return form("Content-Disposition: form-data; name=\"file\"; filename=\"résumé\"\r\nContent-Type: " + mediaType + "\r\n\r\n" + content)
	}
	broken := named("text/plain", "x")
	broken.body = broken.body[:len(broken.body)-10]
	noBoundary := named("text/plain", "x")
	noBoundary.header = map[string]string{"Content-Type": "multipart/form-data"}
	for _, tc := range []struct {
		name string
		r    request
		want wire.Error
	}{
		{"no file", form("Content-Disposition: form-data; name=\"x\"\r\n\r\ny"), wire.Error{Code: "missing_parameter", Message: "file is required", Param: "file"}},
		{"no filename", form("Content-Disposition: form-data; name=\"file\"\r\n\r\ny"), wire.Error{Code: "missing_parameter", Message: "file must have a filename", Param: "file"}},
		{"a bad disposition", form("Content-Disposition: form-data; name=\"file\"; filename=\r\n\r\ny"), wire.Error{Code: "invalid_request", Message: "Invalid multipart form data"}},
		{"no disposition", form("X-A: b\r\n\r\ny"), wire.Error{Code: "invalid_request", Message: "Invalid multipart form data"}},
		{"a name without quotes", form("Content-Disposition: form-data; name=file; filename=\"a\"\r\n\r\ny"), wire.Error{Code: "invalid_request", Message: "Invalid multipart form data"}},
		{"an encoded name", form("Content-Disposition: form-data; name=\"file\"; filename*=UTF-8''a\r\n\r\ny"), wire.Error{Code: "invalid_request", Message: "Invalid multipart form data"}},
		{"broken off", broken, wire.Error{Code: "invalid_request", Message: "Invalid multipart form data"}},
		{"no boundary", noBoundary, wire.Error{Code: "invalid_request", Message: "Invalid multipart form data"}},
		{"other content", named("image/png", "GIF89a"), wire.Error{Code: "unsupported_file_type", Message: "File content does not match declared MIME type image/png"}},
		{"too long a body", named("text/plain", strings.Repeat("x", wire.MaxFileBytes+64<<10)), wire.Error{Code: "file_too_large", Message: "File must be under 10MB"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			tc.want.Type = "validation_error"
			checkError(t, newService(t, Config{}).send(tc.r), 400, tc.want)
		})
	}
	s := newService(t, Config{})
	if w := s.send(named("text/plain", "x")); w.Code != 200 {
		t.Errorf("a name outside ASCII: status %d", w.Code)
	}
}
