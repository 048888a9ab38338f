package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/clawhq/clawhq-go"
	"github.com/clawhq/clawhq-go/bulk"
)

// A row is a row of the input.
type row struct {
	id, question string
	fields       []string
}

// rows reads a CSV file, row by row. The first row that is handed out has the names
// of the columns.
func rows(path string) iter.Seq2[row, error] {
	return func(yield func(row, error) bool) {
		file, err := os.Open(path)
		if err != nil {
			yield(row{}, err)
			return
		}
		defer file.Close()
		lines := csv.NewReader(file)
		id, question := -1, -1
		for number := 0; ; number++ {
			fields, err := lines.Read()
			if err == io.EOF {
				return
			}
			if err != nil {
				yield(row{}, fmt.Errorf("%s: %w", path, err))
				return
			}
			r := row{fields: fields}
			switch {
			case number == 0:
				id, question = slices.Index(fields, "id"), slices.Index(fields, "question")
				if question < 0 {
					yield(row{}, fmt.Errorf(`%s: no column is named "question"`, path))
					return
				}
			case id >= 0:
				r.id, r.question = fields[id], fields[question]
			default:
				r.id, r.question = strconv.Itoa(number), fields[question]
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}

// count returns how many questions a file has. It finds what is wrong with the file
// before anything is asked.
func count(path string) (n int, err error) {
	for _, err := range rows(path) {
		if err != nil {
			return 0, err
		}
		n++
	}
	return max(0, n-1), nil
}

// items are the questions of a file.
func items(path, agent string) iter.Seq2[bulk.Item, error] {
	return func(yield func(bulk.Item, error) bool) {
		names := true
		for r, err := range rows(path) {
			if names && err == nil {
				names = false
				continue
			}
			if !yield(bulk.Item{ID: r.id, Request: clawhq.ChatRequest{Message: r.question, Agent: agent}}, err) {
				return
			}
		}
	}
}

// write writes the rows of the input with what became of them. The output is there
// as a whole or not at all.
func write(ctx context.Context, j job, store *bulk.File, failed map[string]error) error {
	next, err := os.CreateTemp(filepath.Dir(j.out), "."+filepath.Base(j.out)+"-*")
	if err != nil {
		return err
	}
	defer os.Remove(next.Name()) // after an error
	err = fill(ctx, j, csv.NewWriter(next), store, failed)
	if err := errors.Join(err, next.Sync(), next.Close()); err != nil {
		return err
	}
	return os.Rename(next.Name(), j.out)
}

func fill(ctx context.Context, j job, out *csv.Writer, store *bulk.File, failed map[string]error) error {
	names := true
	for r, err := range rows(j.in) {
		if err != nil {
			return err
		}
		answer, problem := "answer", "error"
		if !names {
			record, _, err := store.Find(ctx, j.name, r.id)
			if err != nil {
				return err
			}
			answer, problem = record.Response, record.Error
			if err := failed[r.id]; err != nil {
				problem = err.Error()
			}
		}
		names = false
		if err := out.Write(append(r.fields, answer, problem)); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// samples writes an input, and says where the output goes: both in a temporary
// folder.
func samples() (in, out string, err error) {
	dir, err := os.MkdirTemp("", "bulk")
	if err != nil {
		return "", "", err
	}
	const questions = "id,question\nhours,What are your business hours?\npassword,How do I reset my password?\nprices,What do you charge?\nabroad,Do you ship abroad?\n"
	in, out = filepath.Join(dir, "questions.csv"), filepath.Join(dir, "answers.csv")
	return in, out, os.WriteFile(in, []byte(questions), 0o600)
}
