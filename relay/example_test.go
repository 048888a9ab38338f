package relay_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/clawhqtest"
	"github.com/clawhq/clawhq-go/relay"
)

// A handler hands the answer on; the recorder stands for a browser.
func ExampleSSE() {
	service := clawhqtest.NewServer(clawhqtest.WithInMemory())
	defer service.Close()
	service.HandleAgent("support-bot", clawhqtest.Reply("We are open ", "from 9 to 5."))
	client := service.Client()

	handler := func(w http.ResponseWriter, r *http.Request) {
		answer := client.ChatStream(r.Context(), clawhq.ChatRequest{Message: r.FormValue("q")})
		if err := relay.SSE(w, r, answer, relay.Options{}); err != nil {
			fmt.Println(err)
		}
	}
	browser := httptest.NewRecorder()
	handler(browser, httptest.NewRequest("GET", "/ask?q=When+are+you+open", nil))
	fmt.Println(browser.Code)
	fmt.Print(browser.Body)
	// Output:
	// 200
	// id: 1
	// data: {"content":"We are open "}
	//
	// id: 2
	// data: {"content":"from 9 to 5."}
	//
	// id: 3
	// event: done
	// data: [DONE]
}

// The log has the error; the browser is told what it may know.
func ExampleSSE_error() {
	service := clawhqtest.NewServer(clawhqtest.WithInMemory())
	defer service.Close()
	service.Inject(clawhqtest.FaultStatus(401, clawhq.CodeRevokedAPIKey))
	client := service.Client()

	browser := httptest.NewRecorder()
	request := httptest.NewRequest("GET", "/ask?q=hi", nil)
	answer := client.ChatStream(request.Context(), clawhq.ChatRequest{Message: "hi"})
	err := relay.SSE(browser, request, answer, relay.Options{})
	refused := (*clawhq.AuthenticationError)(nil)
	fmt.Println("log:", errors.As(err, &refused), refused.Code)
	fmt.Println("browser:", browser.Code, browser.Body)
	// Output:
	// log: true revoked_api_key
	// browser: 502 {"error":{"status":502,"message":"The answer could not be made. Please try again."}}
}

// An app that wants to tell more says what.
func ExampleOptions() {
	explain := func(err error) (int, string) {
		var invalid *clawhq.InvalidRequestError
		if errors.As(err, &invalid) && invalid.Code == clawhq.CodeContentBlocked {
			return http.StatusUnprocessableEntity, "We do not talk about that here."
		}
		return 0, "" // the default
	}
	service := clawhqtest.NewServer(clawhqtest.WithInMemory())
	defer service.Close()
	service.Inject(clawhqtest.FaultStatus(400, clawhq.CodeContentBlocked))

	browser := httptest.NewRecorder()
	request := httptest.NewRequest("GET", "/ask?q=hi", nil)
	answer := service.Client().ChatStream(request.Context(), clawhq.ChatRequest{Message: "hi"})
	relay.SSE(browser, request, answer, relay.Options{Explain: explain})
	fmt.Println(browser.Code, browser.Body)
	// Output:
	// 422 {"error":{"status":422,"message":"We do not talk about that here."}}
}

// Status also serves handlers that do not stream.
func ExampleStatus() {
	fmt.Println(relay.Status(nil))
	fmt.Println(relay.Status(&clawhq.RateLimitError{}))
	fmt.Println(relay.Status(&clawhq.NotFoundError{}))
	fmt.Println(relay.Status(fmt.Errorf("answer: %w", clawhq.ErrThrottled)))
	// Output:
	// 200
	// 503
	// 404
	// 503
}
