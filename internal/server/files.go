package server

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"slices"
	"strings"
	"time"

	"github.com/clawhq/clawhq-go/internal/js"
	"github.com/clawhq/clawhq-go/internal/ledger"
	"github.com/clawhq/clawhq-go/internal/wire"
)

// file is a file that was uploaded, or that a user has added in the dashboard.
type file struct {
	id, name, mediaType, purpose string
	kind                         string // mime_type in lists, of a file added in the dashboard; empty otherwise
	size                         int64
	chars, short                 int // number of characters, and the number up to which a text is too short to be indexed
	createdAt                    time.Time
	status                       string // empty means as indexing determines it
	chunks                       int
	item                         *ledger.Item
}

const errFileTooLarge = "File must be under 10MB"

// The knowledge base takes indexingTime to index a text, in pieces of chunkBytes.
const (
	indexingTime = 2 * time.Second
	chunkBytes   = 1000
)

// indexed returns the file's status at a time, and the number of its pieces that can
// be found.
func (f *file) indexed(now time.Time) (status string, chunks int) {
	t, _ := wire.FileTypeOf(f.mediaType)
	switch {
	case f.status != "":
		return f.status, f.chunks
	case !t.Text || f.chars <= f.short:
		return wire.FileError, 0
	case now.Sub(f.createdAt) < indexingTime:
		return wire.FileProcessing, 0
	}
	return wire.FileProcessed, int((f.size + chunkBytes - 1) / chunkBytes)
}

// SetFileStatus sets a file's status, such as pending_embedding or failed. If status
// is empty, indexing determines it again.
func (s *Server) SetFileStatus(id, status string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.state.files, func(f *file) bool { return f.id == id })
	if i < 0 {
		panic(fmt.Sprintf("clawhqtest: SetFileStatus: no file has the id %q", id))
	}
	f := s.state.files[i]
	f.status = ""
	_, f.chunks = f.indexed(f.createdAt.Add(indexingTime))
	f.status = status
}

// File is a file for AddFile, which fills in zero fields.
type File struct {
	ID        string // empty means a new one
	Name      string
	MediaType string // empty means that of the name's extension, or else text/plain
	Purpose   string // empty means wire.PurposeKnowledgeBase
	Size      int64  // in bytes
	Status    string // empty means as indexing determines it
	CreatedAt time.Time
}

// AddFile adds a file and returns its id. It replaces a file with the same id.
func (s *Server) AddFile(add File) (id string) {
	if add.Name == "" {
		panic("clawhqtest: AddFile: empty name")
	}
	if t, ok := wire.FileTypeByName(add.Name); ok && add.MediaType == "" {
		add.MediaType = t.MediaType
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if add.CreatedAt.IsZero() {
		add.CreatedAt = s.clock.Now()
	}
	f := &file{
		id: cmp.Or(add.ID, "file_"+hexID()), name: add.Name, mediaType: cmp.Or(add.MediaType, "text/plain"),
		purpose: cmp.Or(add.Purpose, wire.PurposeKnowledgeBase), size: add.Size, chars: int(add.Size), createdAt: add.CreatedAt.UTC(),
	}
	_, f.chunks = f.indexed(f.createdAt.Add(indexingTime))
	f.status = add.Status
	state := s.state
	if i := slices.IndexFunc(state.files, func(old *file) bool { return old.id == f.id }); i >= 0 {
		state.kept.Forget(state.files[i].item)
		state.deleteFile(state.files[i])
	}
	state.keepFile(f)
	return f.id
}

// uploadFile answers POST /v1/files.
func (c *call) uploadFile() (any, error) {
	var f *file
	var content []byte
	var err error
	c.unlocked(func() { f, content, err = c.readUpload() }) // reading may take long
	if err != nil {
		return nil, err
	}
	q := c.profile.quirks()
	t, known := wire.FileTypeOf(f.mediaType)
	switch {
	case f.size > wire.MaxFileBytes:
		return nil, refuse(wire.CodeFileTooLarge, errFileTooLarge, "")
	case !known:
		return nil, refuse(wire.CodeUnsupportedFileType, "Unsupported file type: "+f.mediaType, "")
	case !t.Matches(content):
		return nil, refuse(wire.CodeUnsupportedFileType, "File content does not match declared MIME type "+f.mediaType, "")
	case q.fileNames != nil && !q.fileNames.MatchString(f.name):
		return nil, refuse(wire.CodeInternalError, "Failed to upload file to storage", "")
	}
	f.id = "file_" + hexID()
	f.chars, f.short = js.Len(string(content)), q.shortText
	f.createdAt = c.s.clock.Now().UTC()
	c.state.keepFile(f)
	status := wire.FileProcessing
	if !t.Text && c.findable(f) {
		status = wire.FileError
	}
	return wire.File{FileID: f.id, Filename: f.name, Size: f.size, MIMEType: f.mediaType, Purpose: f.purpose,
		Status: status, CreatedAt: wire.HandlerTime(f.createdAt)}, nil
}

// readUpload reads the multipart form of an upload.
func (c *call) readUpload() (f *file, content []byte, err error) {
	bad := refuse(wire.CodeInvalidRequest, "Invalid multipart form data", "")
	mediaType, params, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil || mediaType != "multipart/form-data" || params["boundary"] == "" {
		return nil, nil, bad
	}
	purpose, purposes := "", 0
	form := multipart.NewReader(bytes.NewReader(c.body), params["boundary"])
	for {
		part, err := form.NextRawPart()
		if err == io.EOF {
			break
		}
		var value []byte
		if err == nil {
			value, err = io.ReadAll(part)
		}
		if err != nil {
			return nil, nil, c.tooLong(bad)
		}
		name, fileName, ok := parseDisposition(part.Header.Get("Content-Disposition"))
		if !ok {
			return nil, nil, bad
		}
		switch { // of parts with the same name, the first counts
		case name == wire.FormPurpose:
			if purposes++; purposes == 1 {
				purpose = string(value)
			}
		case name == wire.FormFile && f == nil:
			f, content = &file{name: fileName, mediaType: strings.ToLower(part.Header.Get("Content-Type")), size: int64(len(value))}, value
			if f.mediaType == "" {
				f.mediaType = "text/plain"
			}
		}
	}
	switch {
	case f == nil:
		return nil, nil, refuse(wire.CodeMissingParameter, "file is required", "file")
	case f.name == "":
		return nil, nil, c.profile.quirks().noFileName
	}
	f.purpose = purpose
	if purpose == "" {
		f.purpose = wire.PurposeKnowledgeBase
	}
	return f, content, nil
}

// tooLong returns the error for a form that breaks off: because the body was cut at
// the limit, or for another reason.
func (c *call) tooLong(bad *refusal) error {
	if q := c.profile.quirks(); len(c.body) > q.uploadLimit && !q.cutsUploads {
		return refuse(wire.CodeFileTooLarge, errFileTooLarge, "")
	}
	return bad
}

// parseDisposition returns the field name and the file name in the
// Content-Disposition header of a form's part. It decodes them as WHATWG HTML
// ("multipart/form-data encoding algorithm") encodes them: unlike in a MIME header, a
// backslash stands for itself. Like the service, it refuses a header of any other
// form.
func parseDisposition(header string) (name, fileName string, ok bool) {
	rest, ok := strings.CutPrefix(header, `form-data; name="`)
	if !ok {
		return "", "", false
	}
	if name, rest, ok = strings.Cut(rest, `"`); !ok {
		return "", "", false
	}
	if rest != "" {
		if rest, ok = strings.CutPrefix(rest, `; filename="`); !ok {
			return "", "", false
		}
		if fileName, rest, ok = strings.Cut(rest, `"`); !ok || rest != "" {
			return "", "", false
		}
	}
	return formNames.Replace(name), formNames.Replace(fileName), true
}

// formNames decodes names in forms.
var formNames = strings.NewReplacer("%22", `"`, "%0A", "\n", "%0a", "\n", "%0D", "\r", "%0d", "\r")

// findable reports whether a file can be listed and found after its upload.
func (c *call) findable(f *file) bool {
	return !c.profile.quirks().knowledgeOnly || f.purpose == wire.PurposeKnowledgeBase
}

// listFiles answers GET /v1/files, newest first.
func (c *call) listFiles() (any, error) {
	var found []*file
	for _, f := range slices.Backward(c.state.files) {
		if c.findable(f) {
			found = append(found, f)
		}
	}
	page, paging, err := pageOf(c, found, "files")
	if err != nil {
		return nil, err
	}
	list := wire.FileList{Files: []wire.File{}, Paging: paging}
	for _, f := range page {
		list.Files = append(list.Files, c.showFile(f))
	}
	return list, nil
}

// getFile answers GET /v1/files/{id}.
func (c *call) getFile() (any, error) {
	f, err := c.file()
	if err != nil {
		return nil, err
	}
	shown := c.showFile(f)
	_, chunks := f.indexed(c.s.clock.Now())
	shown.Chunks = &chunks
	return shown, nil
}

// showFile returns a file in the form of a list.
func (c *call) showFile(f *file) wire.File {
	status, _ := f.indexed(c.s.clock.Now())
	mediaType := f.mediaType
	if c.profile.quirks().extensionTypes {
		mediaType = strings.ToLower(f.name[strings.LastIndexByte(f.name, '.')+1:])
	}
	return wire.File{FileID: f.id, Filename: f.name, Size: f.size, MIMEType: cmp.Or(f.kind, mediaType), Status: status, CreatedAt: c.profile.time(f.createdAt)}
}

// deleteFile answers DELETE /v1/files/{id}.
func (c *call) deleteFile() (any, error) {
	f, err := c.file()
	if err != nil {
		return nil, err
	}
	c.state.kept.Forget(f.item)
	c.state.deleteFile(f)
	return wire.Deleted{Deleted: true}, nil
}

// keepFile adds a file to the state.
func (s *state) keepFile(f *file) {
	s.files = append(s.files, f)
	f.item = s.kept.Keep(len(f.name)+len(f.mediaType)+len(f.purpose), func() { s.deleteFile(f) })
}

func (s *state) deleteFile(f *file) {
	s.files = slices.DeleteFunc(s.files, func(kept *file) bool { return kept == f })
}

// file returns the file whose id is in the path.
func (c *call) file() (*file, error) {
	i := slices.IndexFunc(c.state.files, func(f *file) bool { return f.id == c.ids[0] && c.findable(f) })
	if i < 0 {
		return nil, refuse(wire.CodeNotFound, "File not found", "")
	}
	return c.state.files[i], nil
}
