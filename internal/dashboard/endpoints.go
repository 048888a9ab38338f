package dashboard

import (
	"fmt"
	"strings"

	"github.com/clawhq/clawhq-go/internal/wire"
)

var (
	sessionIDPattern = fmt.Sprintf("[A-Za-z0-9_-]{1,%d}", wire.MaxSessionIDChars)

	tiers = []int{wire.Tier30, wire.Tier60, wire.Tier120, wire.Tier300}
)

// The groups of the playground.
const (
	groupChat          = "Chat"
	groupThreads       = "Threads"
	groupBatches       = "Batches"
	groupFiles         = "Files"
	groupAgents        = "Agents"
	groupModels        = "Models"
	groupConversations = "Conversations"
	groupUsage         = "Usage and audit log"
	groupPredictions   = "Predictions"
	groupKeys          = "API keys"
)

// operations lists the entries of the playground, in its order.
var operations = []operation{
	{"chat", groupChat, "Chat", "Sends a message to an agent and returns its answer.",
		wire.Chat, chatParameters(false)},
	{"chat.stream", groupChat, "Streaming chat", "Sends a message and returns the answer in pieces, as server-sent events.",
		wire.Chat, chatParameters(true)},
	{"health", groupChat, "Check a key", "Checks a key without sending a message.",
		wire.GetHealth, nil},

	{"threads.create", groupThreads, "Create a thread", "Begins a conversation that the service stores.",
		wire.CreateThread, []parameter{
			agent("Slug or name of the thread's agent."),
			{Name: "metadata", In: inBody, Type: typeJSON, Default: `{"customer": "c-42"}`,
				Description: fmt.Sprintf("Any JSON object, stored with the thread: at most %d characters, %d levels deep.", wire.MaxMetadataChars, wire.MaxMetadataLevels)},
		}},
	{"threads.send", groupThreads, "Send a message", "Adds a message to a thread and returns the agent's answer.",
		wire.SendThreadMessage, []parameter{message}},
	{"threads.messages", groupThreads, "List messages", "Lists the messages of a thread.",
		wire.ListThreadMessages, nil},
	{"threads.list", groupThreads, "List threads", "Lists the account's threads.",
		wire.ListThreads, nil},
	{"threads.get", groupThreads, "Get a thread", "Shows a thread without its messages.",
		wire.GetThread, nil},
	{"threads.delete", groupThreads, "Delete a thread", "Deletes a thread with its messages.",
		wire.DeleteThread, nil},

	{"batches.create", groupBatches, "Create a batch", "Sends many messages at once. Another call gets the answers later.",
		wire.CreateBatch, []parameter{
			{Name: "requests", In: inBody, Type: typeJSON, Required: true, Default: exampleBatch,
				Description: fmt.Sprintf("At most %d messages, each with an id that you choose; an agent is optional.", wire.MaxBatchRequests)},
			{Name: "webhook_url", In: inBody, Type: typeString, Description: "Receives a POST when the batch ends."},
		}},
	{"batches.get", groupBatches, "Get a batch", "Shows the progress of a batch, and its answers when it has ended.",
		wire.GetBatch, nil},

	{"files.upload", groupFiles, "Upload a file", fmt.Sprintf("Stores a file of at most %d MiB for the agents to search.", wire.MaxFileBytes>>20),
		wire.UploadFile, []parameter{
			{Name: wire.FormFile, In: inForm, Type: typeFile, Required: true, Accept: accepted(), Description: "A text, a table, a PDF or a picture."},
			{Name: wire.FormPurpose, In: inForm, Type: typeString, Suggestions: []string{wire.PurposeKnowledgeBase}, Description: "Purpose of the file."},
		}},
	{"files.list", groupFiles, "List files", "Lists the account's files.",
		wire.ListFiles, nil},
	{"files.get", groupFiles, "Get a file", "Shows the status of a file.",
		wire.GetFile, nil},
	{"files.delete", groupFiles, "Delete a file", "Deletes a file for good.",
		wire.DeleteFile, nil},

	{"agents.list", groupAgents, "List agents", "Lists the account's agents.",
		wire.ListAgents, nil},
	{"agents.get", groupAgents, "Get an agent", "Shows an agent.",
		wire.GetAgent, nil},
	{"agents.undeploy", groupAgents, "Undeploy an agent", "Takes an agent out of service, without deleting it.",
		wire.UndeployAgent, nil},
	{"models.list", groupModels, "List models", "Lists the models that agents can run on.",
		wire.ListModels, nil},

	{"conversations.list", groupConversations, "List conversations", "Lists the agents' conversations with the account's users, on all channels.",
		wire.ListConversations, []parameter{
			{Name: "agent", In: inQuery, Type: typeString, Description: "Only those with this agent."},
		}},
	{"conversations.messages", groupConversations, "List messages", "Lists the messages of a conversation.",
		wire.ListConversationMessages, nil},

	{"usage", groupUsage, "Usage", "Counts the key's chats by day.",
		wire.GetUsage, []parameter{
			{Name: "days", In: inQuery, Type: typeInteger, Description: fmt.Sprintf("Number of days, %d to %d.", wire.MinUsageDays, wire.MaxUsageDays)},
		}},
	{"audit-log.list", groupUsage, "Audit log", "Lists changes of the account, newest first.",
		wire.ListAuditLog, []parameter{
			filter("category", wire.AuditKeys, wire.AuditWebhooks),
			filter("action", wire.AuditKeyCreated, wire.AuditKeyUpdated, wire.AuditKeyRevoked),
			filter("entity_type"), filter("entity_id"),
			{Name: "from", In: inQuery, Type: typeString, Description: "Not before this date or time."},
			{Name: "to", In: inQuery, Type: typeString, Description: "Not after this date or time."},
		}},
	{"audit-log.verify", groupUsage, "Verify the audit log", "Checks the hashes of the log, which form a chain.",
		wire.VerifyAuditLog, nil},

	{"predictions.create", groupPredictions, "Create a prediction", "Not available yet. The reply says what to use instead.",
		wire.CreatePrediction, []parameter{agent("Slug or name of the agent."), message}},
	{"predictions.get", groupPredictions, "Get a prediction", "Shows a prediction; no call makes one yet.",
		wire.GetPrediction, nil},

	{"keys.list", groupKeys, "List keys", "Lists the account's keys and their usage, never the full keys.",
		wire.ListKeys, nil},
	{"keys.create", groupKeys, "Create a key",
		fmt.Sprintf("Creates a key. Only this reply has the full key. An account has at most %d active keys.", wire.MaxActiveKeys),
		wire.CreateKey, []parameter{keyName(true), keyTier(wire.DefaultTier)}},
	{"keys.update", groupKeys, "Change a key", "Changes the name or the tier of a key, from the next request on.",
		wire.UpdateKey, []parameter{keyName(false), keyTier(nil)}},
	{"keys.revoke", groupKeys, "Revoke a key", "Revokes a key, at once and forever.",
		wire.RevokeKey, nil},
}

const exampleBatch = `[
  {"custom_id": "q1", "message": "What are your business hours?"},
  {"custom_id": "q2", "message": "Do you ship abroad?", "agent": "sales-assistant"}
]`

var message = parameter{Name: "message", In: inBody, Type: typeString, Required: true, MaxLength: wire.MaxMessageChars, Multiline: true,
	Description: "What to say to the agent.", Default: "What are your business hours?"}

func agent(description string) parameter {
	return parameter{Name: "agent", In: inBody, Type: typeString, Suggestions: []string{"support-bot", "sales-assistant"}, Description: description}
}

func chatParameters(stream bool) []parameter {
	return []parameter{
		message,
		agent("Slug or name of the agent; by default the most recently deployed one."),
		{Name: "session_id", In: inBody, Type: typeString, Pattern: sessionIDPattern,
			Description: "Messages with the same id share their history."},
		{Name: "stream", In: inBody, Type: typeBoolean, Default: stream,
			Description: "Answer with server-sent events."},
		{Name: wire.HeaderIdempotencyKey, In: inHeader, Type: typeString, MaxLength: wire.MaxIdempotencyKeyChars,
			Description: "A request with the same key gets the stored reply, for 24 hours."},
	}
}

func filter(name string, suggestions ...string) parameter {
	return parameter{Name: name, In: inQuery, Type: typeString, Suggestions: suggestions, Description: "Only entries with this value."}
}

func keyName(required bool) parameter {
	return parameter{Name: "name", In: inBody, Type: typeString, Required: required, MaxLength: wire.MaxKeyNameChars,
		Description: "For your reference only."}
}

func keyTier(tier any) parameter {
	return parameter{Name: "rate_limit_per_min", In: inBody, Type: typeInteger, Default: tier, Options: tiers,
		Description: "Requests a minute."}
}

// accepted lists the extensions of the files that can be uploaded, for the browser's
// dialog.
func accepted() string {
	var types []string
	for _, t := range wire.FileTypes {
		types = append(types, t.Extensions...)
	}
	return strings.Join(types, ",")
}
