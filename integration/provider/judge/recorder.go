package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"
)

type sent struct {
	method, url string
	body        any
}

// An HTTP client whose requests are written down, and answered here as a cloud might that takes everything.
type recorder struct {
	mutex sync.Mutex
	sent  []sent
	last  map[string]any
	wrote time.Time
}

func (r *recorder) client() *http.Client { return &http.Client{Transport: r} }

func (r *recorder) RoundTrip(request *http.Request) (*http.Response, error) {
	body, err := bodyOf(request)
	if err != nil {
		return nil, err
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.sent = append(r.sent, sent{request.Method, request.URL.String(), body})
	if object, ok := body.(map[string]any); ok && request.Method != http.MethodGet {
		r.last = object
		r.wrote = time.Now()
	}
	status, answer := r.refusal(request), r.answer(request)
	if status != http.StatusOK {
		answer = map[string]any{"error": map[string]any{"code": status, "message": http.StatusText(status)}}
	}
	text, err := json.Marshal(answer)
	if err != nil {
		return nil, err
	}
	return &http.Response{
		StatusCode: status, Status: http.StatusText(status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: request,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(text)), ContentLength: int64(len(text)),
	}, nil
}

var setsGrants = regexp.MustCompile(`(?:/iam|:setIamPolicy)$`)

// What is answered well would only be waited for, or taken to be there already.
func (r *recorder) refusal(request *http.Request) int {
	switch {
	case request.Method == http.MethodGet && r.wrote.IsZero() && strings.Contains(request.URL.Path, "/nodePools/"):
		return http.StatusNotFound // a node pool's create looks first whether there is one
	case request.Method != http.MethodGet && setsGrants.MatchString(request.URL.Path):
		return http.StatusBadRequest // a grant's create would go on to wait, with a lock on all grants of its object
	}
	return http.StatusOK
}

// Most creates take this for an end that is well: an operation that is done, a thing that is there as it was sent.
func (r *recorder) answer(request *http.Request) map[string]any {
	answer := map[string]any{}
	for key, value := range r.last {
		answer[key] = value
	}
	if request.Method != http.MethodGet || strings.Contains(request.URL.Path, "/operations/") {
		answer["name"] = "projects/" + project + "/locations/" + region + "/operations/o"
		answer["response"] = r.last
	}
	for key, value := range map[string]any{
		"done": true, "status": "DONE", "state": "ENABLED", "etag": "e", "projectNumber": "123456789012",
		"selfLink": request.URL.Scheme + "://" + request.URL.Host + request.URL.Path,
	} {
		answer[key] = value
	}
	return answer
}

func bodyOf(request *http.Request) (any, error) {
	if request.Body == nil {
		return nil, nil
	}
	text, err := io.ReadAll(request.Body)
	if err != nil || len(text) == 0 {
		return nil, err
	}
	var body any
	if json.Unmarshal(text, &body) != nil {
		return string(text), nil
	}
	return body, nil
}

// Whether something was sent, and then nothing for a while.
func (r *recorder) quiet() bool {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return !r.wrote.IsZero() && time.Since(r.wrote) > 500*time.Millisecond
}

func (r *recorder) writes() []sent {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	var result []sent
	for _, one := range r.sent {
		if one.method != http.MethodGet && one.method != http.MethodDelete {
			result = append(result, one)
		}
	}
	return result
}
