package server

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/clawhq/clawhq-go/internal/postgres"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// A route is an endpoint and the function that answers its calls.
type route struct {
	wire.Endpoint
	handle handler
}

// A handler answers a call that has passed authentication and the rate limit. It
// returns a value to be written as JSON, or the error that answers the call. It is
// called with s.mu held. While it waits for anything, it must unlock s.mu: see
// call.unlocked.
type handler func(*call) (reply any, err error)

// routes is the table of all endpoints.
var routes = []route{
	{wire.Chat, (*call).chat},
	{wire.GetHealth, (*call).health},
	{wire.GetUsage, (*call).usage},

	{wire.ListAgents, (*call).listAgents},
	{wire.GetAgent, (*call).getAgent},
	{wire.UndeployAgent, (*call).undeployAgent},

	{wire.ListModels, (*call).listModels},

	{wire.ListConversations, (*call).listConversations},
	{wire.ListConversationMessages, (*call).listConversationMessages},

	{wire.CreateThread, (*call).createThread},
	{wire.ListThreads, (*call).listThreads},
	{wire.GetThread, (*call).getThread},
	{wire.DeleteThread, (*call).deleteThread},
	{wire.SendThreadMessage, (*call).sendThreadMessage},
	{wire.ListThreadMessages, (*call).listThreadMessages},

	{wire.CreateBatch, (*call).createBatch},
	{wire.GetBatch, (*call).getBatch},

	{wire.UploadFile, (*call).uploadFile},
	{wire.ListFiles, (*call).listFiles},
	{wire.GetFile, (*call).getFile},
	{wire.DeleteFile, (*call).deleteFile},

	{wire.ListAuditLog, (*call).listAuditLog},
	{wire.VerifyAuditLog, (*call).verifyAuditLog},

	{wire.CreatePrediction, (*call).createPrediction},
	{wire.GetPrediction, (*call).getPrediction},

	{wire.ListKeys, (*call).listKeys},
	{wire.CreateKey, (*call).createKey},
	{wire.UpdateKey, (*call).updateKey},
	{wire.RevokeKey, (*call).revokeKey},

	{wire.ListWebhooks, (*call).listWebhooks},
	{wire.CreateWebhook, (*call).createWebhook},
	{wire.UpdateWebhook, (*call).updateWebhook},
	{wire.DeleteWebhook, (*call).deleteWebhook},
	{wire.TestWebhook, (*call).testWebhook},
	{wire.ListDeliveries, (*call).listDeliveries},
	{wire.ReplayDelivery, (*call).replayDelivery},
	{wire.RetryDeliveries, (*call).retryDeliveries},
	{wire.GetWebhookStats, (*call).webhookStats},
}

// canonical replaces each UUID in ids by its stored form, and returns ids.
func canonical(ids []string) []string {
	for i, id := range ids {
		if uuid, ok := postgres.UUID(id); ok {
			ids[i] = uuid
		}
	}
	return ids
}

// unmatched returns the error for a call without a route: refused or, if the profile
// checks the session first and the call has none, 401.
func (c *call) unmatched(refused error) error {
	path := c.r.URL.Path
	guarded := strings.HasPrefix(path, wire.BasePath+"/") && !strings.HasPrefix(path, wire.BasePath+"/v1/")
	var r *refusal
	moved := errors.As(refused, &r) && r.status == http.StatusPermanentRedirect
	if c.profile.quirks().sessionFirst && guarded && !moved && !c.inSession() {
		return errUnauthorized
	}
	return refused
}

// findRoute finds the call's route. If there is none, it returns the profile's
// refusal.
func (c *call) findRoute() error {
	path, inside := strings.CutPrefix(c.r.URL.EscapedPath(), wire.BasePath)
	if !inside {
		return c.profile.noRoute(c.r)
	}
	method := c.r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	var methods []string // of the best match
	fewest := len(path)  // number of ids in the best match; the path with the fewest wildcards is the best
	for i := range routes {
		ids, ok := routes[i].Match(path)
		if !ok || len(ids) > fewest {
			continue
		}
		if len(ids) < fewest {
			c.route, methods, fewest = nil, nil, len(ids)
		}
		methods = append(methods, routes[i].Method)
		if routes[i].Method == method {
			c.route, c.ids = &routes[i], canonical(ids)
			if len(ids) == 0 {
				return nil // no path can match better
			}
		}
	}
	switch {
	case c.route != nil:
		return nil
	case methods == nil:
		return c.profile.noRoute(c.r)
	}
	slices.Sort(methods)
	return c.profile.noMethod(c.r, methods)
}
