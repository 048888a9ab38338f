package dashboard

import (
	"fmt"
	"strings"

	"github.com/clawhq/clawhq-go/internal/wire"
)

var (
	sessionIDPattern = fmt.Sprintf("[A-Za-z0-9_-]{1,%d}", wire.MaxSessionIDChars)
	keyPattern       = fmt.Sprintf("%s[A-Za-z0-9]{%d}", wire.KeyStart, wire.KeyLen-len(wire.KeyStart))

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
	{"chat", groupChat, "Chat", "Sends a message to an agent and answers with its reply.",
		wire.Chat, chatParameters(false)},
	{"chat.stream", groupChat, "Streaming chat", "Sends a message and answers with server-sent events, a piece of the reply in each.",
		wire.Chat, chatParameters(true)},
	{"health", groupChat, "Check a key", "Checks a key without sending a message.",
		wire.GetHealth, nil},

	{"threads.create", groupThreads, "Create a thread", "Begins a conversation that the server keeps.",
		wire.CreateThread, []parameter{
			agent("Slug or name of the agent that answers in it."),
			{Name: "metadata", In: inBody, Type: typeJSON, Default: `{"customer": "c-42"}`,
				Description: fmt.Sprintf("An object of yours, kept with it: at most %d characters, %d levels deep.", wire.MaxMetadataChars, wire.MaxMetadataLevels)},
		}},
	{"threads.send", groupThreads, "Send a message", "Adds a message to a thread and answers with the agent's reply.",
		wire.SendThreadMessage, []parameter{message}},
	{"threads.messages", groupThreads, "List messages", "Lists what was said in a thread.",
		wire.ListThreadMessages, nil},
	{"threads.list", groupThreads, "List threads", "Lists the account's threads.",
		wire.ListThreads, nil},
	{"threads.get", groupThreads, "Get a thread", "Shows a thread without its messages.",
		wire.GetThread, nil},
	{"threads.delete", groupThreads, "Delete a thread", "Deletes a thread with its messages.",
		wire.DeleteThread, nil},

	{"batches.create", groupBatches, "Create a batch", "Sends many messages at once; their answers are fetched later.",
		wire.CreateBatch, []parameter{
			{Name: "requests", In: inBody, Type: typeJSON, Required: true, Default: exampleBatch,
				Description: fmt.Sprintf("At most %d messages, each with an id of yours; an agent is optional.", wire.MaxBatchRequests)},
			{Name: "webhook_url", In: inBody, Type: typeString, Description: "Receives a POST when the batch ends."},
		}},
	{"batches.get", groupBatches, "Get a batch", "Shows how far a batch is, and its answers once it has ended.",
		wire.GetBatch, nil},

	{"files.upload", groupFiles, "Upload a file", fmt.Sprintf("Stores a file of at most %d MiB for the agents to look things up in.", wire.MaxFileBytes>>20),
		wire.UploadFile, []parameter{
			{Name: wire.FormFile, In: inForm, Type: typeFile, Required: true, Accept: accepted(), Description: "A text, a table, a PDF or a picture."},
			{Name: wire.FormPurpose, In: inForm, Type: typeString, Suggestions: []string{wire.PurposeKnowledgeBase}, Description: "What it is for."},
		}},
	{"files.list", groupFiles, "List files", "Lists the account's files.",
		wire.ListFiles, nil},
	{"files.get", groupFiles, "Get a file", "Shows what became of a file.",
		wire.GetFile, nil},
	{"files.delete", groupFiles, "Delete a file", "Deletes a file for good.",
		wire.DeleteFile, nil},

	{"agents.list", groupAgents, "List agents", "Lists the account's agents.",
		wire.ListAgents, nil},
	{"agents.get", groupAgents, "Get an agent", "Shows an agent.",
		wire.GetAgent, nil},
	{"agents.undeploy", groupAgents, "Undeploy an agent", "Takes an agent out of service; it is not deleted.",
		wire.UndeployAgent, nil},
	{"models.list", groupModels, "List models", "Lists the models that agents can run on.",
		wire.ListModels, nil},

	{"conversations.list", groupConversations, "List conversations", "Lists what the agents talked about with the account's users, on every channel.",
		wire.ListConversations, []parameter{
			{Name: "agent", In: inQuery, Type: typeString, Description: "Only those with this agent."},
		}},
	{"conversations.messages", groupConversations, "List messages", "Lists what was said in a conversation.",
		wire.ListConversationMessages, nil},

	{"usage", groupUsage, "Usage", "Counts the key's chats by day.",
		wire.GetUsage, []parameter{
			{Name: "days", In: inQuery, Type: typeInteger, Description: fmt.Sprintf("How many, %d to %d.", wire.MinUsageDays, wire.MaxUsageDays)},
		}},
	{"audit-log.list", groupUsage, "Audit log", "Lists what was done to the account, newest first.",
		wire.ListAuditLog, []parameter{
			filter("category", wire.AuditKeys, wire.AuditWebhooks),
			filter("action", wire.AuditKeyCreated, wire.AuditKeyUpdated, wire.AuditKeyRevoked),
			filter("entity_type"), filter("entity_id"),
			{Name: "from", In: inQuery, Type: typeString, Description: "Not before this date or time."},
			{Name: "to", In: inQuery, Type: typeString, Description: "Not after this date or time."},
		}},
	{"audit-log.verify", groupUsage, "Verify the audit log", "Checks the chain of hashes over the log.",
		wire.VerifyAuditLog, nil},

	{"predictions.create", groupPredictions, "Create a prediction", "Not yet available: the reply says what to use instead.",
		wire.CreatePrediction, []parameter{agent("Slug or name of the agent."), message}},
	{"predictions.get", groupPredictions, "Get a prediction", "Shows a prediction; no call makes one yet.",
		wire.GetPrediction, nil},

	{"keys.list", groupKeys, "List keys", "Lists the account's keys with their use; never the full keys.",
		wire.ListKeys, nil},
	{"keys.create", groupKeys, "Create a key",
		fmt.Sprintf("Creates a key; its reply is the only one that holds the full key. An account has at most %d active keys.", wire.MaxActiveKeys),
		wire.CreateKey, []parameter{keyName(true), keyTier(wire.DefaultTier)}},
	{"keys.update", groupKeys, "Change a key", "Renames a key or changes its tier, from the very next request on.",
		wire.UpdateKey, []parameter{keyName(false), keyTier(nil)}},
	{"keys.revoke", groupKeys, "Revoke a key", "Revokes a key at once and for good.",
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
			Description: "Messages with one id share their history."},
		{Name: "stream", In: inBody, Type: typeBoolean, Default: stream,
			Description: "Answer with server-sent events."},
		{Name: wire.HeaderIdempotencyKey, In: inHeader, Type: typeString, MaxLength: wire.MaxIdempotencyKeyChars,
			Description: "The same key within 24 hours gets the stored reply again."},
	}
}

func filter(name string, suggestions ...string) parameter {
	return parameter{Name: name, In: inQuery, Type: typeString, Suggestions: suggestions, Description: "Only entries with this one."}
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
