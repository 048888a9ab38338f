package wire

import (
	"bytes"
	"net/http"
	"path"
	"strings"
)

// Limits of files.
const (
	MaxFileBytes       = 10_485_760 // a file's
	MaxUploadBodyBytes = 10_485_759 // of a longer body, form and all, the live service cuts off the end
)

// PurposeKnowledgeBase is a file's purpose unless another is given. The live
// service never finds a file of another purpose again.
const PurposeKnowledgeBase = "knowledge_base"

// The parts of the form that POST /v1/files takes.
const (
	FormFile    = "file"
	FormPurpose = "purpose"
)

// The statuses of files.
const (
	FileProcessing       = "processing"
	FileProcessed        = "processed"         // indexed
	FilePendingEmbedding = "pending_embedding" // found by full text only, until the embedding service is back
	FileError            = "error"             // stored, with nothing to index
	FileFailed           = "failed"            // indexing failed
)

// File is a file as it is uploaded, listed and shown: chunks are shown for a
// single file only, its purpose at the upload only. MIMEType is the media
// type at the upload and the name's extension ever after.
type File struct {
	FileID    string `json:"file_id"`
	Filename  string `json:"filename"`
	Size      int64  `json:"size"` // bytes
	MIMEType  string `json:"mime_type"`
	Purpose   string `json:"purpose,omitempty"`
	Status    string `json:"status"`
	Chunks    *int   `json:"chunks,omitempty"` // pieces that were indexed
	CreatedAt Time   `json:"created_at"`
}

// Check tells whether there is a file.
func (f File) Check() error { return need(member{"file_id", f.FileID != ""}) }

// FileList is the reply of GET /v1/files.
type FileList struct {
	Files []File `json:"files"`
	Paging
}

// Check tells whether the list is there.
func (l FileList) Check() error { return need(member{"files", l.Files != nil}) }

// FileType is a type of file that can be uploaded.
type FileType struct {
	MediaType  string
	Extensions []string // with the dot
	Text       bool     // indexed, and not looked into
	magic      string   // what other files begin with
}

// FileTypes are the types that can be uploaded.
var FileTypes = []FileType{
	{MediaType: "application/pdf", Extensions: []string{".pdf"}, magic: "%PDF"},
	{MediaType: "text/plain", Extensions: []string{".txt"}, Text: true},
	{MediaType: "text/markdown", Extensions: []string{".md", ".markdown"}, Text: true},
	{MediaType: "text/csv", Extensions: []string{".csv"}, Text: true},
	{MediaType: "application/json", Extensions: []string{".json"}, Text: true},
	{MediaType: "image/png", Extensions: []string{".png"}, magic: "\x89PNG"},
	{MediaType: "image/jpeg", Extensions: []string{".jpg", ".jpeg"}, magic: "\xff\xd8\xff"},
	{MediaType: "image/gif", Extensions: []string{".gif"}, magic: "GIF8"},
	{MediaType: "image/webp", Extensions: []string{".webp"}, magic: "RIFF"},
}

// FileTypeOf returns the type with that media type, which must come without
// parameters.
func FileTypeOf(mediaType string) (FileType, bool) {
	for _, t := range FileTypes {
		if t.MediaType == mediaType {
			return t, true
		}
	}
	return FileType{}, false
}

// FileTypeByName returns the type that a file's extension stands for.
func FileTypeByName(name string) (FileType, bool) {
	ext := strings.ToLower(path.Ext(name))
	for _, t := range FileTypes {
		for _, e := range t.Extensions {
			if e == ext {
				return t, true
			}
		}
	}
	return FileType{}, false
}

// DetectFileType returns the type of a file that begins with head.
func DetectFileType(head []byte) (FileType, bool) {
	for _, t := range FileTypes {
		if !t.Text && t.Matches(head) {
			return t, true
		}
	}
	if strings.HasPrefix(http.DetectContentType(head), "text/") {
		return FileTypeOf("text/plain")
	}
	return FileType{}, false
}

// SupportedFileTypes names the types that can be uploaded.
func SupportedFileTypes() string {
	names := make([]string, len(FileTypes))
	for i, t := range FileTypes {
		names[i] = t.MediaType
	}
	return strings.Join(names, ", ")
}

// FileStatuses are all statuses of a file.
var FileStatuses = []string{FileProcessing, FileProcessed, FilePendingEmbedding, FileError, FileFailed}

// FileHead is how much of a file's beginning Matches has to see, in bytes.
const FileHead = 12

// Matches reports whether a file that begins with head can be of the type. A
// text can be anything.
func (t FileType) Matches(head []byte) bool {
	if !bytes.HasPrefix(head, []byte(t.magic)) {
		return false
	}
	return t.magic != "RIFF" || len(head) >= FileHead && string(head[8:FileHead]) == "WEBP"
}
