package wire

import (
	"bytes"
	"net/http"
	"path"
	"strings"
)

// Limits of files.
const (
	MaxFileBytes       = 10_485_760 // of one file
	MaxUploadBodyBytes = 10_485_759 // the live service cuts off the rest of the body, which includes the form
)

// PurposeKnowledgeBase is the default purpose of a file. The live service lists and
// finds only files with this purpose.
const PurposeKnowledgeBase = "knowledge_base"

// The parts of the form of POST /v1/files.
const (
	FormFile    = "file"
	FormPurpose = "purpose"
)

// The statuses of files.
const (
	FileProcessing       = "processing"
	FileProcessed        = "processed"         // indexed
	FilePendingEmbedding = "pending_embedding" // found only by full text until the embedding service is available again
	FileError            = "error"             // stored, but there is nothing to index
	FileFailed           = "failed"            // indexing failed
)

// File is a file in a reply. Only the reply to an upload has the purpose, and only
// GET /v1/files/{id} has the chunks. MIMEType is the media type in the reply to an
// upload; later the live service returns the extension of the name.
type File struct {
	FileID    string `json:"file_id"`
	Filename  string `json:"filename"`
	Size      int64  `json:"size"` // bytes
	MIMEType  string `json:"mime_type"`
	Purpose   string `json:"purpose,omitempty"`
	Status    string `json:"status"`
	Chunks    *int   `json:"chunks,omitempty"` // number of indexed pieces
	CreatedAt Time   `json:"created_at"`
}

// Check returns an error if the file is missing.
func (f File) Check() error { return need(member{"file_id", f.FileID != ""}) }

// FileList is the reply of GET /v1/files.
type FileList struct {
	Files []File `json:"files"`
	Paging
}

// Check returns an error if the list is missing.
func (l FileList) Check() error { return need(member{"files", l.Files != nil}) }

// FileType is a type of file that can be uploaded.
type FileType struct {
	MediaType  string
	Extensions []string // with the dot
	Text       bool     // indexed; its content is not checked
	magic      string   // the first bytes of other files
}

// FileTypes lists the types of files that can be uploaded.
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

// FileTypeOf returns the type with that media type, which must have no parameters.
func FileTypeOf(mediaType string) (FileType, bool) {
	for _, t := range FileTypes {
		if t.MediaType == mediaType {
			return t, true
		}
	}
	return FileType{}, false
}

// FileTypeByName returns the type for the extension of a file's name.
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

// DetectFileType returns the type of a file whose first bytes are head.
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

// SupportedFileTypes lists the media types that can be uploaded, for error messages.
func SupportedFileTypes() string {
	names := make([]string, len(FileTypes))
	for i, t := range FileTypes {
		names[i] = t.MediaType
	}
	return strings.Join(names, ", ")
}

// FileStatuses lists all statuses of a file.
var FileStatuses = []string{FileProcessing, FileProcessed, FilePendingEmbedding, FileError, FileFailed}

// FileHead is how many bytes of a file Matches needs.
const FileHead = 12

// Matches reports whether a file whose first bytes are head can be of the type. Any
// file can be a text.
func (t FileType) Matches(head []byte) bool {
	if !bytes.HasPrefix(head, []byte(t.magic)) {
		return false
	}
	return t.magic != "RIFF" || len(head) >= FileHead && string(head[8:FileHead]) == "WEBP"
}
