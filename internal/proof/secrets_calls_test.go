package proof_test

import (
	"context"
	"iter"
	"strings"

	"github.com/clawhq/clawhq-go"
)

// A secretCall is a call that has a secret in every argument that a caller may confuse
// with it.
type secretCall func(...clawhq.CallOption) (any, error)

// secretCalls returns the calls of the rows.
func secretCalls(ctx context.Context, client *clawhq.Client, secret string, rows []endpointCall) (all []secretCall) {
	for _, row := range rows {
		all = append(all, func(o ...clawhq.CallOption) (any, error) {
			return row.call(arguments{
				ctx: ctx, client: client, opts: o, ids: []string{secret, secret}, days: 7,
				text: func(string, string) string { return secret },
				path: strings.ReplaceAll(row.endpoint.Path, "{id}", secret), reply: "any",
			})
		})
	}
	return all
}

// otherSecretCalls returns calls that the table does not have.
func otherSecretCalls(ctx context.Context, client *clawhq.Client, secret string) []secretCall {
	return []secretCall{
		func(o ...clawhq.CallOption) (any, error) {
			return first(client.Agents.All(ctx, clawhq.ListOptions{}, o...))
		},
		func(o ...clawhq.CallOption) (any, error) {
			return client.Batches.Create(ctx, clawhq.CreateBatchRequest{WebhookURL: secret}, o...)
		},
		func(o ...clawhq.CallOption) (any, error) { return client.Batches.Wait(ctx, secret, o...) },
		func(o ...clawhq.CallOption) (any, error) {
			return client.Files.Upload(ctx, clawhq.UploadFileRequest{Name: secret, Content: strings.NewReader(secret), ContentType: secret}, o...)
		},
		func(o ...clawhq.CallOption) (any, error) {
			return client.Files.Upload(ctx, clawhq.UploadFileRequest{Name: secret + "é", Content: strings.NewReader(secret)}, o...)
		},
		func(o ...clawhq.CallOption) (any, error) {
			return nil, clawhq.VerifyAuditLog(secret, []clawhq.AuditEntry{{ID: secret, IntegrityHash: "x"}})
		},
		func(o ...clawhq.CallOption) (any, error) {
			return nil, client.Do(ctx, "POST", "/v1/"+secret+"?"+secret+"="+sentinelSession, secret, nil, o...)
		},
		func(o ...clawhq.CallOption) (any, error) {
			return nil, client.Do(ctx, "GET", "/keys/"+secret+"/%", nil, nil, o...)
		},
	}
}

func first[T any](seq iter.Seq2[T, error]) (v T, err error) {
	for v, err := range seq {
		return v, err
	}
	return v, nil
}
