package dashboard

import (
	"fmt"
	"strings"

	"github.com/clawhq/clawhq-go/internal/wire"
)

var (
	sessionIDPattern = fmt.Sprintf("[A-Za-z0-9_-]{1,%d}", wire.MaxSessionIDChars)

	// The tiers, and what the product's page says of each.
	tiers        = []int{wire.Tier30, wire.Tier60, wire.Tier120, wire.Tier300}
	tierMeanings = []string{
		"Suitable for development and testing",
		"Standard production usage (default for the /v1/chat endpoint)",
		"High-throughput applications",
		"Maximum throughput for high-volume integrations",
	}
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
	{"chat", groupChat, "Chat", "Sends a message to an agent and returns the reply.",
		wire.Chat, chatParameters(false)},
	{"chat.stream", groupChat, "Streaming chat", "Sends a message and returns the reply in pieces, as server-sent events.",
		wire.Chat, chatParameters(true)},
	{"health", groupChat, "Check a key", "Checks a key without sending a message.",
		wire.GetHealth, nil},

	{"threads.create", groupThreads, "Create a thread", "Starts a conversation whose messages the server keeps.",
		wire.CreateThread, []parameter{
			agent("Slug or name of the agent that answers in the thread."),
			{Name: "metadata", In: inBody, Type: typeJSON, Default: `{"customer": "c-42"}`,
				Description: fmt.Sprintf("A JSON object of your own, stored with the thread: up to %d characters and %d levels deep.", wire.MaxMetadataChars, wire.MaxMetadataLevels)},
		}},
	{"threads.send", groupThreads, "Send a message", "Adds a message to a thread and returns the agent's reply.",
		wire.SendThreadMessage, []parameter{message}},
	{"threads.messages", groupThreads, "List messages", "Lists the messages of a thread.",
		wire.ListThreadMessages, nil},
	{"threads.list", groupThreads, "List threads", "Lists the account's threads.",
		wire.ListThreads, nil},
	{"threads.get", groupThreads, "Get a thread", "Returns a thread without its messages.",
		wire.GetThread, nil},
	{"threads.delete", groupThreads, "Delete a thread", "Deletes a thread and its messages.",
		wire.DeleteThread, nil},

	{"batches.create", groupBatches, "Create a batch", "Sends many messages at once. You fetch the replies later.",
		wire.CreateBatch, []parameter{
			{Name: "requests", In: inBody, Type: typeJSON, Required: true, Default: exampleBatch,
				Description: fmt.Sprintf("Up to %d messages, each with an id of your own. The agent is optional.", wire.MaxBatchRequests)},
			{Name: "webhook_url", In: inBody, Type: typeString, Description: "The server posts the outcome to this URL when the batch is finished."},
		}},
	{"batches.get", groupBatches, "Get a batch", "Returns the progress of a batch, and the replies once it is finished.",
		wire.GetBatch, nil},

	{"files.upload", groupFiles, "Upload a file", fmt.Sprintf("Uploads a file of up to %d MiB for agents to use as knowledge.", wire.MaxFileBytes>>20),
		wire.UploadFile, []parameter{
			{Name: wire.FormFile, In: inForm, Type: typeFile, Required: true, Accept: accepted(), Description: "A text, table, PDF or image file."},
			{Name: wire.FormPurpose, In: inForm, Type: typeString, Suggestions: []string{wire.PurposeKnowledgeBase}, Description: "What the file is for."},
		}},
	{"files.list", groupFiles, "List files", "Lists the account's files.",
		wire.ListFiles, nil},
	{"files.get", groupFiles, "Get a file", "Returns a file's details, such as whether it has been processed.",
		wire.GetFile, nil},
	{"files.delete", groupFiles, "Delete a file", "Deletes a file permanently.",
		wire.DeleteFile, nil},

	{"agents.list", groupAgents, "List agents", "Lists the account's agents.",
		wire.ListAgents, nil},
	{"agents.get", groupAgents, "Get an agent", "Returns one agent.",
		wire.GetAgent, nil},
	{"agents.undeploy", groupAgents, "Undeploy an agent", "Takes an agent out of service without deleting it.",
		wire.UndeployAgent, nil},
	{"models.list", groupModels, "List models", "Lists the models that agents can run on.",
		wire.ListModels, nil},

	{"conversations.list", groupConversations, "List conversations", "Lists the conversations between users and agents, on all channels.",
		wire.ListConversations, []parameter{
			{Name: "agent", In: inQuery, Type: typeString, Source: sourceDeployed, Description: "Only conversations with this agent."},
		}},
	{"conversations.messages", groupConversations, "List messages", "Lists the messages of a conversation.",
		wire.ListConversationMessages, nil},

	{"usage", groupUsage, "Usage", "Counts the key's chats for each day.",
		wire.GetUsage, []parameter{
			{Name: "days", In: inQuery, Type: typeInteger, Description: fmt.Sprintf("Number of days, %d to %d.", wire.MinUsageDays, wire.MaxUsageDays)},
		}},
	{"audit-log.list", groupUsage, "Audit log", "Lists the changes made to the account, newest first.",
		wire.ListAuditLog, []parameter{
			filter("category", wire.AuditKeys, wire.AuditWebhooks),
			filter("action", wire.AuditKeyCreated, wire.AuditKeyUpdated, wire.AuditKeyRevoked),
			filter("entity_type"), filter("entity_id"),
			{Name: "from", In: inQuery, Type: typeString, Description: "Only entries from this date or time on."},
			{Name: "to", In: inQuery, Type: typeString, Description: "Only entries up to this date or time."},
		}},
	{"audit-log.verify", groupUsage, "Verify the audit log", "Checks the chain of hashes that protects the log against changes.",
		wire.VerifyAuditLog, nil},

	{"predictions.create", groupPredictions, "Create a prediction", "Not available yet. The reply says what to use instead.",
		wire.CreatePrediction, []parameter{agent("Slug or name of the agent."), message}},
	{"predictions.get", groupPredictions, "Get a prediction", "Returns a prediction. No call creates one yet.",
		wire.GetPrediction, nil},

	{"keys.list", groupKeys, "List keys", "Lists the account's keys and their usage, without the full keys.",
		wire.ListKeys, nil},
	{"keys.create", groupKeys, "Create a key",
		fmt.Sprintf("Creates a key. Only this reply contains the full key. An account can have up to %d active keys.", wire.MaxActiveKeys),
		wire.CreateKey, []parameter{keyName(true), keyTier(wire.DefaultTier)}},
	{"keys.update", groupKeys, "Change a key", "Renames a key or changes its rate limit, starting with the next request.",
		wire.UpdateKey, []parameter{keyName(false), keyTier(nil)}},
	{"keys.revoke", groupKeys, "Revoke a key", "Revokes a key immediately and permanently.",
		wire.RevokeKey, nil},
}

const exampleBatch = `[
  {"custom_id": "q1", "message": "What are your business hours?"},
  {"custom_id": "q2", "message": "Do you ship abroad?", "agent": "sales-assistant"}
]`

var message = parameter{Name: "message", In: inBody, Type: typeString, Required: true, MaxLength: wire.MaxMessageChars, Multiline: true,
	Description: "The message to the agent.", Default: "What are your business hours?"}

func agent(description string) parameter {
	return parameter{Name: "agent", In: inBody, Type: typeString, Source: sourceDeployed, Description: description}
}

func chatParameters(stream bool) []parameter {
	return []parameter{
		message,
		agent("Slug or name of the agent. Default: the most recently deployed one."),
		{Name: "session_id", In: inBody, Type: typeString, Pattern: sessionIDPattern,
			Description: "Messages with the same session id share a history."},
		{Name: "stream", In: inBody, Type: typeBoolean, Default: stream,
			Description: "Return the reply as server-sent events."},
		{Name: wire.HeaderIdempotencyKey, In: inHeader, Type: typeString, MaxLength: wire.MaxIdempotencyKeyChars,
			Description: "A repeat with the same key within 24 hours gets the stored reply."},
	}
}

func filter(name string, suggestions ...string) parameter {
	return parameter{Name: name, In: inQuery, Type: typeString, Suggestions: suggestions, Description: "Only entries with this " + strings.ReplaceAll(name, "_", " ") + "."}
}

func keyName(required bool) parameter {
	return parameter{Name: "name", In: inBody, Type: typeString, Required: required, MaxLength: wire.MaxKeyNameChars,
		Description: "For your reference only."}
}

func keyTier(tier any) parameter {
	return parameter{Name: "rate_limit_per_min", In: inBody, Type: typeInteger, Default: tier, Options: tiers, Meanings: tierMeanings,
		Description: "Requests per minute."}
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
