// Package servicefile reads contracts in the form in which SDKs and version 1 of the AWS CLI have
// them: service-2.json, and beside it the files about pages, waiters, endpoints and extras.
//
// Start at [Files.Read]. A contract that is broken, or that asks for what nobody here does, is
// an error that says where and what. What version 1 ignores is ignored, unless the caller is
// strict, as the generators are: then what is not understood is an error, too, so that no trait of
// a contract is lost without notice.
package servicefile

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/model"
)

// Files are the texts of the files of one service, as JSON. Only the first is needed.
type Files struct {
	Model      string // service-2.json
	Paginators string // paginators-1.json
	Waiters    string // waiters-2.json
	Rules      string // endpoint-rule-set-1.json
	Extras     string // service-2.sdk-extras.json, merged into Model

	// Strict refuses what version 1 would ignore.
	Strict bool
	// Manual keeps the documentation of the model.
	Manual bool
}

// Read returns the service that has the given command.
func (f *Files) Read(command string) (*model.Service, error) {
	root, err := object(f.Model, "the model")
	if err != nil {
		return nil, err
	}
	if f.Extras != "" {
		extras, err := object(f.Extras, "the extras")
		if err != nil {
			return nil, err
		}
		if version, _ := extras.Get("version"); isOne(version) {
			merge(root, members(extras, "merge"))
		}
	}
	r := &reader{strict: f.Strict, shapes: map[string]*model.Shape{}, raw: members(root, "shapes")}
	r.only(root, "the contract", "version", "metadata", "operations", "shapes", "source", "documentation", "examples", "clientContextParams")
	s := &model.Service{Command: command}
	var shapes []*model.Shape
	if err := r.metadata(s, members(root, "metadata"), command); err != nil {
		return nil, err
	}
	for _, m := range r.raw.Members() {
		_, ok := m.Value.(*document.Object)
		raw := members(r.raw, m.Key)
		if f.Strict && truth(raw, "exception") {
			continue // nobody reads them
		}
		shape := &model.Shape{Name: m.Key}
		if !ok {
			r.failf("the shape %s is not an object", m.Key)
			r.blame(shape)
		}
		r.shapes[m.Key] = shape
		shapes = append(shapes, shape)
	}
	for _, shape := range shapes {
		if r.faults[shape] == nil {
			r.fill(shape, members(r.raw, shape.Name))
		}
	}
	for _, m := range members(root, "operations").Members() {
		_, ok := m.Value.(*document.Object)
		raw := members(members(root, "operations"), m.Key)
		if r.streamsEvents(raw) {
			continue // version 1 has no command for it either
		}
		if !ok {
			r.failf("the operation %s is not an object", m.Key)
		}
		op := r.operation(m.Key, raw)
		s.Operations = append(s.Operations, op)
		list, _ := raw.Get("errors")
		references, _ := list.([]any)
		for _, e := range references {
			ref, _ := e.(*document.Object)
			r.only(ref, "an error of "+op.Name, "shape", "documentation", "exception", "fault", "error")
		}
	}
	if err := r.paginators(s, f.Paginators); err != nil {
		return nil, err
	}
	if err := r.waiters(s, f.Waiters); err != nil {
		return nil, err
	}
	if f.Rules != "" {
		if _, err := object(f.Rules, "the endpoint rules"); err != nil {
			return nil, err
		}
		s.Rules = f.Rules
	}
	if f.Manual {
		s.Manual = manual(root)
	}
	if r.err != nil {
		return nil, r.err
	}
	return s, nil
}

func isOne(version any) bool {
	n, ok := version.(document.Number)
	return ok && n.Float64() == 1
}

// reader keeps the first error. One in a shape or an operation is of the operations that need it,
// unless the reader is strict: the others can be called, as in version 1.
type reader struct {
	strict bool
	raw    *document.Object
	shapes map[string]*model.Shape
	faults map[*model.Shape]error
	err    error
}

// blame says that what was found wrong is of a shape.
func (r *reader) blame(shape *model.Shape) {
	if r.err == nil || r.strict {
		return
	}
	if r.faults == nil {
		r.faults = map[*model.Shape]error{}
	}
	if r.faults[shape] == nil {
		r.faults[shape] = r.err
	}
	r.err = nil
}

// fault returns what is wrong with a shape, or with the first that it reaches.
func (r *reader) fault(shape *model.Shape, seen map[*model.Shape]bool) error {
	if shape == nil || seen[shape] {
		return nil
	}
	seen[shape] = true
	if err := r.faults[shape]; err != nil {
		return err
	}
	for i := range shape.Members {
		if err := r.fault(shape.Members[i].Shape, seen); err != nil {
			return err
		}
	}
	for _, part := range []*model.Shape{shape.Element, shape.Key, shape.Value} {
		if err := r.fault(part, seen); err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) failf(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}

// only refuses, if the reader is strict, an object with a key that is not among those that are
// read.
func (r *reader) only(o *document.Object, where string, keys ...string) {
	if !r.strict {
		return
	}
	for _, m := range o.Members() {
		if !slices.Contains(keys, m.Key) {
			r.failf("%s has %q, which is unknown", where, m.Key)
		}
	}
}

// Place is where a model belongs, below the folder of a service.
type Place struct {
	EndpointPrefix string
	Version        string // the folder
	File           string
}

// Describe says where the text of a model belongs. It does not look at more than that needs.
func Describe(text string) (Place, error) {
	root, err := object(text, "the model")
	if err != nil {
		return Place{}, err
	}
	meta := members(root, "metadata")
	p := Place{EndpointPrefix: meta.Text("endpointPrefix"), Version: meta.Text("apiVersion"), File: "service-2.json"}
	for _, part := range [...][2]string{{"endpointPrefix", p.EndpointPrefix}, {"apiVersion", p.Version}} {
		if part[1] == "" {
			return Place{}, fmt.Errorf(`"%s" not defined in the metadata of the model: ServiceModel(%s)`, part[0], p.EndpointPrefix)
		}
	}
	if version, ok := root.Get("version"); ok {
		f, err := document.ToFloat(version)
		if err != nil {
			return Place{}, err
		}
		n, err := document.ToInt(f)
		if err != nil {
			return Place{}, err
		}
		p.File = "service-" + string(n) + ".json"
	}
	return p, nil
}

// The protocols in the order in which version 1 prefers them, if a service speaks several.
var protocols = [...]model.Protocol{model.JSON, model.RESTJSON, model.RESTXML, model.AWSQuery, model.EC2Query}

func (r *reader) metadata(s *model.Service, meta *document.Object, name string) error {
	r.only(meta, "the metadata", "apiVersion", "endpointPrefix", "protocol", "protocols", "serviceId", "signatureVersion", "signingName",
		"serviceFullName", "serviceAbbreviation", "uid", "jsonVersion", "targetPrefix", "xmlNamespace", "auth", "globalEndpoint", "ripServiceName", "awsQueryCompatible")
	s.ID = meta.Text("serviceId")
	if s.ID == "" {
		//lint:ignore ST1005 version 1's text
		return fmt.Errorf("The model being used for the service %s is missing the serviceId metadata property, which is required.", name)
	}
	for _, key := range []string{"endpointPrefix", "protocol", "apiVersion"} {
		if _, ok := meta.Get(key); !ok {
			return fmt.Errorf(`"%s" not defined in the metadata of the model: ServiceModel(%s)`, key, name)
		}
	}
	s.Version = meta.Text("apiVersion")
	s.EndpointPrefix = meta.Text("endpointPrefix")
	s.SigningName = meta.Text("signingName")
	if s.SigningName == "" {
		s.SigningName = s.EndpointPrefix
	}
	s.TargetPrefix = meta.Text("targetPrefix")
	s.JSONVersion = document.Spell(valueOr(meta, "jsonVersion", ""))
	_, s.QueryMode = meta.Get("awsQueryCompatible")
	s.Namespace = namespace(meta)
	spoken := []string{meta.Text("protocol")}
	if list := texts(meta, "protocols"); len(list) > 0 {
		spoken = list
	}
	for _, p := range protocols {
		if slices.Contains(spoken, string(p)) {
			s.Protocol = p
			break
		}
	}
	if s.Protocol == "" {
		return fmt.Errorf("the service %s speaks the protocol %s, which this aws does not know", name, strings.Join(spoken, ", "))
	}
	var ok bool
	if s.Auth, ok = authOf(meta.Text("signatureVersion"), texts(meta, "auth")); !ok {
		//lint:ignore ST1005 version 1's text
		return fmt.Errorf("Unknown Signature Version: %s.", meta.Text("signatureVersion"))
	}
	return nil
}

// authOf returns how requests are signed: the first of a list that is known, or the old trait.
func authOf(old string, list []string) (auth model.Auth, ok bool) {
	for _, name := range list {
		switch name {
		case "aws.auth#sigv4":
			return model.SignV4, true
		case "smithy.api#noAuth":
			return model.NoAuth, true
		case "smithy.api#httpBearerAuth":
			return model.Bearer, true
		}
	}
	switch old {
	case "", "v4", "s3v4", "s3":
		return model.SignV4, len(list) == 0
	case "v4-unsigned-body":
		return model.SignV4Unsigned, true
	case "v2":
		return model.SignV2, true
	case "bearer":
		return model.Bearer, true
	case "none":
		return model.NoAuth, true
	}
	return "", false
}

var kinds = [...]struct {
	name string
	kind model.Kind
}{
	{"structure", model.Structure}, {"list", model.List}, {"map", model.Map}, {"string", model.String}, {"character", model.String},
	{"boolean", model.Boolean}, {"integer", model.Integer}, {"long", model.Long}, {"float", model.Float}, {"double", model.Double},
	{"blob", model.Blob}, {"timestamp", model.Timestamp},
}

// fill reads a shape.
func (r *reader) fill(shape *model.Shape, raw *document.Object) {
	defer r.blame(shape)
	where := "the shape " + shape.Name
	r.only(raw, where, "type", "enum", "pattern", "min", "max", "sensitive", "member", "key", "value", "required", "members", "timestampFormat",
		"documentation", "box", "wrapper", "flattened", "payload", "union", "document", "xmlNamespace", "locationName", "location", "resultWrapper", "jsonvalue", "streaming",
		"deprecated", "deprecatedMessage", "xmlOrder", "synthetic", "exception", "error", "fault", "retryable", "deprecatedSince", "requiresLength", "event", "eventstream", "internal")
	i := slices.IndexFunc(kinds[:], func(k struct {
		name string
		kind model.Kind
	}) bool {
		return k.name == raw.Text("type")
	})
	if i < 0 {
		r.failf("%s is of the unknown type %q", where, raw.Text("type"))
		return
	}
	shape.Kind = kinds[i].kind
	shape.Enum = texts(raw, "enum")
	shape.Pattern = raw.Text("pattern")
	shape.Min, shape.Max = integer(raw, "min", model.Unbounded), integer(raw, "max", model.Unbounded)
	shape.Sensitive = truth(raw, "sensitive")
	r.traits(shape, raw, where)
	switch shape.Kind {
	case model.List:
		ref := members(raw, "member")
		shape.Element = r.reference(ref, "the elements of "+shape.Name)
		shape.ElementName = ref.Text("locationName")
	case model.Map:
		key, value := members(raw, "key"), members(raw, "value")
		shape.Key, shape.Value = r.reference(key, "the keys of "+shape.Name), r.reference(value, "the values of "+shape.Name)
		shape.KeyName, shape.ValueName = key.Text("locationName"), value.Text("locationName")
	case model.Structure:
		r.structure(shape, raw)
	}
}

// traits reads what a shape, or a reference to it, says about its form on the wire.
func (r *reader) traits(shape *model.Shape, raw *document.Object, where string) {
	switch format := raw.Text("timestampFormat"); format {
	case "":
	case "iso8601", "unixTimestamp", "rfc822":
		shape.Format = format
	default:
		r.failf("%s is a timestamp of the unknown format %q", where, format)
	}
	if n := namespace(raw); n.URI != "" {
		shape.Namespace = n
	}
	if _, ok := raw.Get("flattened"); ok {
		shape.Flattened = truth(raw, "flattened")
	}
}

func (r *reader) structure(shape *model.Shape, raw *document.Object) {
	shape.Required = texts(raw, "required")
	shape.Union, shape.Document = truth(raw, "union"), truth(raw, "document")
	shape.Payload = raw.Text("payload")
	for _, m := range members(raw, "members").Members() {
		where := shape.Name + "." + m.Key
		ref, ok := m.Value.(*document.Object)
		if !ok {
			r.failf("%s is not an object", where)
			return
		}
		member := model.Member{
			Name: m.Key, Option: Word(m.Key), Shape: r.reference(ref, where), WireName: ref.Text("locationName"), QueryName: ref.Text("queryName"),
			Required: slices.Contains(shape.Required, m.Key), IdempotencyToken: truth(ref, "idempotencyToken"), Streaming: truth(ref, "streaming"),
			JSONValue: truth(ref, "jsonvalue"), HostLabel: truth(ref, "hostLabel"), XMLAttribute: truth(ref, "xmlAttribute"),
		}
		if target := members(r.raw, ref.Text("shape")); target.Len() > 0 {
			member.Streaming = member.Streaming || truth(target, "streaming")
			element := members(target, "member")
			member.JSONValue = member.JSONValue || truth(target, "jsonvalue") || truth(element, "jsonvalue") ||
				truth(members(r.raw, element.Text("shape")), "jsonvalue")
			if member.WireName == "" {
				member.WireName = target.Text("locationName")
			}
		}
		location := ref.Text("location")
		if location == "" {
			location = members(r.raw, ref.Text("shape")).Text("location")
		}
		switch location {
		case "":
		case "uri":
			member.Location = model.URI
		case "querystring":
			member.Location = model.Query
		case "header":
			member.Location = model.Header
		case "headers":
			member.Location = model.Headers
		case "statusCode":
			member.Location = model.Status
		default:
			r.failf("%s is in the unknown location %q", where, location)
		}
		shape.Members = append(shape.Members, member)
	}
	if shape.Payload != "" && shape.Member(shape.Payload) == nil {
		r.failf("the payload %q of the shape %s is none of its members", shape.Payload, shape.Name)
	}
}

// reference returns the shape that a reference is to: with traits of its own, a variant of it.
func (r *reader) reference(ref *document.Object, where string) *model.Shape {
	r.only(ref, where, "shape", "location", "locationName", "idempotencyToken", "box", "documentation", "queryName", "streaming", "jsonvalue",
		"hostLabel", "xmlAttribute", "timestampFormat", "xmlNamespace", "flattened", "deprecated", "deprecatedMessage", "internalonly", "deprecatedSince")
	name := ref.Text("shape")
	shape := r.shapes[name]
	if shape == nil {
		r.failf("%s: the shape %q is missing", where, name)
		return &model.Shape{Kind: model.String, Min: model.Unbounded, Max: model.Unbounded}
	}
	_, flattened := ref.Get("flattened")
	format := ref.Text("timestampFormat")
	if !flattened && format == "" && namespace(ref).URI == "" {
		return shape
	}
	key := name + "\x00" + string(document.AppendCompact(nil, document.NewObject(
		document.Member{Key: "flattened", Value: truth(ref, "flattened")}, document.Member{Key: "format", Value: format},
		document.Member{Key: "uri", Value: namespace(ref).URI}, document.Member{Key: "prefix", Value: namespace(ref).Prefix})))
	if variant := r.shapes[key]; variant != nil {
		return variant
	}
	variant := &model.Shape{Name: name}
	r.shapes[key] = variant
	r.fill(variant, members(r.raw, name))
	r.traits(variant, ref, where)
	r.blame(variant)
	return variant
}

// streamsEvents reports whether an operation takes or gives a stream of events.
func (r *reader) streamsEvents(operation *document.Object) bool {
	for _, part := range []string{"input", "output"} {
		for _, m := range members(members(r.raw, members(operation, part).Text("shape")), "members").Members() {
			ref, _ := m.Value.(*document.Object)
			if ref != nil && (truth(ref, "eventstream") || truth(members(r.raw, ref.Text("shape")), "eventstream")) {
				return true
			}
		}
	}
	return false
}

func (r *reader) operation(name string, raw *document.Object) *model.Operation {
	where := "the operation " + name
	r.only(raw, where, "name", "http", "input", "output", "errors", "documentation", "documentationUrl", "deprecated", "deprecatedMessage", "idempotent",
		"endpoint", "authtype", "auth", "unsignedPayload", "httpChecksum", "httpChecksumRequired", "readonly", "paginator", "alias", "endpointdiscovery",
		"endpointoperation", "staticContextParams", "operationContextParams", "deprecatedSince")
	http := members(raw, "http")
	r.only(http, where, "method", "requestUri", "responseCode")
	path, query, _ := strings.Cut(http.Text("requestUri"), "?")
	op := &model.Operation{
		Name: name, Command: Word(name), Method: http.Text("method"), Path: path, Query: query,
		Status: integer(http, "responseCode", 200), HostPrefix: members(raw, "endpoint").Text("hostPrefix"),
	}
	if op.Method == "" {
		op.Method = "POST"
	}
	if op.Path == "" {
		op.Path = "/"
	}
	if _, ok := raw.Get("input"); ok {
		ref := members(raw, "input")
		op.Input = r.inOrOut(ref, "the input of "+name)
		op.Root, op.Namespace = ref.Text("locationName"), namespace(ref)
		if op.Root == "" {
			op.Root = members(r.raw, ref.Text("shape")).Text("locationName")
		}
	}
	if _, ok := raw.Get("output"); ok {
		ref := members(raw, "output")
		op.Output = r.inOrOut(ref, "the output of "+name)
		op.ResultWrapper = ref.Text("resultWrapper")
		if op.ResultWrapper == "" {
			op.ResultWrapper = members(r.raw, ref.Text("shape")).Text("resultWrapper")
		}
	}
	auth := texts(raw, "auth")
	if old := raw.Text("authtype"); old != "" || len(auth) > 0 {
		var ok bool
		if op.Auth, ok = authOf(old, auth); !ok {
			r.failf("%s is signed by %s, which this aws cannot do", where, strings.TrimSpace(strings.Join(append(auth, old), " ")))
		}
	}
	if truth(raw, "unsignedPayload") && op.Auth == model.SignV4 {
		op.Auth = model.SignV4Unsigned
	}
	op.Checksum = truth(raw, "httpChecksumRequired") || truth(members(raw, "httpChecksum"), "requestChecksumRequired")
	op.ContextParams = r.contextParams(raw)
	if !r.strict {
		r.condemn(op)
	}
	op.ItemErrors = r.itemErrors(op)
	return op
}

// contextParams returns what the rules of endpoints are told of a call.
func (r *reader) contextParams(operation *document.Object) (params []model.ContextParam) {
	for _, m := range members(operation, "staticContextParams").Members() {
		param, _ := m.Value.(*document.Object)
		value, _ := param.Get("value")
		params = append(params, model.ContextParam{Name: m.Key, Value: string(document.AppendCompact(nil, value))})
	}
	input := members(r.raw, members(operation, "input").Text("shape"))
	for _, m := range members(input, "members").Members() {
		ref, _ := m.Value.(*document.Object)
		if name := members(ref, "contextParam").Text("name"); name != "" {
			params = append(params, model.ContextParam{Name: name, Path: m.Key})
		}
	}
	for _, m := range members(operation, "operationContextParams").Members() {
		param, _ := m.Value.(*document.Object)
		if path := param.Text("path"); path != "" {
			params = append(params, model.ContextParam{Name: m.Key, Path: path})
		}
	}
	return params
}

// condemn takes from an operation with something wrong in it, or in what it reaches, all but that.
func (r *reader) condemn(op *model.Operation) {
	err := r.err
	r.err = nil
	if err == nil && r.faults != nil {
		seen := map[*model.Shape]bool{}
		if err = r.fault(op.Input, seen); err == nil {
			err = r.fault(op.Output, seen)
		}
	}
	if err != nil {
		op.Fault, op.Input, op.Output = err.Error(), nil, nil
	}
}

func (r *reader) inOrOut(ref *document.Object, where string) *model.Shape {
	r.only(ref, where, "shape", "locationName", "xmlNamespace", "resultWrapper", "documentation", "xmlOrder", "payload")
	name := ref.Text("shape")
	shape := r.shapes[name]
	if shape == nil {
		r.failf("%s: the shape %q is missing", where, name)
		return nil
	}
	if shape.Kind != model.Structure {
		r.failf("%s: the shape %q is not a structure", where, name)
	}
	if payload := ref.Text("payload"); payload != "" && payload != shape.Payload {
		variant := *shape
		variant.Payload = payload
		if shape = &variant; shape.Member(payload) == nil {
			r.failf("%s: the payload %q is none of its members", where, payload)
		}
	}
	return shape
}

// itemErrors finds the member of an output that lists the refused items of a batch: its elements
// have an ErrorCode.
func (r *reader) itemErrors(op *model.Operation) (name string) {
	if op.Output == nil {
		return ""
	}
	for _, m := range op.Output.Members {
		if m.Shape.Kind != model.List || m.Shape.Element.Member("ErrorCode") == nil {
			continue
		}
		if name != "" { // which of them is not clear
			if r.strict {
				r.failf("the output of %s has two lists of errors, %s and %s", op.Name, name, m.Name)
			}
			return ""
		}
		name = m.Name
	}
	return name
}

func (r *reader) paginators(s *model.Service, text string) error {
	if text == "" {
		return nil
	}
	root, err := object(text, "the paginators")
	if err != nil {
		return err
	}
	for _, m := range members(root, "pagination").Members() {
		raw, ok := m.Value.(*document.Object)
		op := s.Operation(m.Key)
		if !ok || op == nil || op.Input == nil { // something is wrong with it
			continue
		}
		r.only(raw, "the paginator of "+m.Key, "input_token", "output_token", "limit_key", "result_key", "more_results", "non_aggregate_keys", "py_input_token")
		p := &model.Paginator{
			InputTokens: texts(raw, "input_token"), OutputTokens: texts(raw, "output_token"), ResultKeys: texts(raw, "result_key"),
			NonAggregate: texts(raw, "non_aggregate_keys"), LimitKey: raw.Text("limit_key"), MoreResults: raw.Text("more_results"),
		}
		if len(p.InputTokens) == 0 || len(p.OutputTokens) < len(p.InputTokens) || len(p.ResultKeys) == 0 {
			continue // not to be paged: the entry says so by what it lacks
		}
		// The options for pages take what limits a page, if they can.
		limit := op.Input.Member(p.LimitKey)
		if limit != nil && limit.Shape.Kind != model.String && limit.Shape.Kind != model.Integer && limit.Shape.Kind != model.Long {
			r.failf("Unsupported pagination type %s for operation %s and parameter %s", members(r.raw, limit.Shape.Name).Text("type"), op.Name, limit.Name)
			if !r.strict {
				r.condemn(op)
			}
			continue
		}
		op.Paginator = p
	}
	return nil
}

func (r *reader) waiters(s *model.Service, text string) error {
	if text == "" {
		return nil
	}
	root, err := object(text, "the waiters")
	if err != nil {
		return err
	}
	version, _ := root.Get("version")
	if n, ok := version.(document.Number); !ok || n.Float64() != 2 {
		//lint:ignore ST1005 version 1's text
		return fmt.Errorf("Error processing waiter config: Unsupported waiter version, supported version must be: 2, but version of waiter config is: %s", document.Spell(version))
	}
	for _, m := range members(root, "waiters").Members() {
		raw, ok := m.Value.(*document.Object)
		if !ok {
			return fmt.Errorf("the waiter %s is not an object", m.Key)
		}
		w := &model.Waiter{Name: m.Key, Command: Word(m.Key), Operation: raw.Text("operation"), Delay: integer(raw, "delay", 0), MaxAttempts: integer(raw, "maxAttempts", 1)}
		if s.Operation(w.Operation) == nil {
			continue // no reason to refuse the operations that are there
		}
		list, _ := raw.Get("acceptors")
		acceptors, _ := list.([]any)
		for _, e := range acceptors {
			a, ok := e.(*document.Object)
			if !ok {
				return fmt.Errorf("an acceptor of the waiter %s is not an object", m.Key)
			}
			expected, _ := a.Get("expected")
			w.Acceptors = append(w.Acceptors, model.Acceptor{State: a.Text("state"), Matcher: a.Text("matcher"), Argument: a.Text("argument"),
				Expected: string(document.AppendCompact(nil, expected))})
		}
		s.Waiters = append(s.Waiters, w)
	}
	return nil
}

// manual is the documentation of a model, without its markup.
func manual(root *document.Object) *model.Manual {
	m := &model.Manual{Name: members(root, "metadata").Text("serviceFullName"), About: Plain(root.Text("documentation"))}
	for _, op := range members(root, "operations").Members() {
		if raw, ok := op.Value.(*document.Object); ok {
			m.Operations = append(m.Operations, [2]string{op.Key, Plain(raw.Text("documentation"))})
		}
	}
	for _, s := range members(root, "shapes").Members() {
		raw, _ := s.Value.(*document.Object)
		for _, member := range members(raw, "members").Members() {
			ref, _ := member.Value.(*document.Object)
			if text := ref.Text("documentation"); text != "" {
				m.Members = append(m.Members, [2]string{s.Key + "." + member.Key, Plain(text)})
			}
		}
	}
	return m
}

// Plain returns the text of a piece of HTML.
func Plain(html string) string {
	var b strings.Builder
	for html != "" {
		text, rest, tag := strings.Cut(html, "<")
		b.WriteString(text)
		if !tag {
			break
		}
		name, after, closed := strings.Cut(rest, ">")
		if !closed {
			break
		}
		if !strings.HasPrefix(name, "/") && !strings.HasPrefix(name, "a ") && len(name) > 1 && name != "code" {
			b.WriteByte(' ') // a paragraph, an item
		}
		html = after
	}
	return strings.Join(strings.Fields(strings.NewReplacer("&lt;", "<", "&gt;", ">", "&quot;", `"`, "&amp;", "&", "&nbsp;", " ").Replace(b.String())), " ")
}

// object reads the text of a file, which must be a JSON object.
func object(text, what string) (*document.Object, error) {
	v, err := document.Parse(text)
	if err != nil {
		return nil, err // the reason alone, as in version 1
	}
	o, ok := v.(*document.Object)
	if !ok {
		return nil, errors.New("the JSON of " + what + " is not an object")
	}
	return o, nil
}

// merge merges from into o, objects member by member.
func merge(o, from *document.Object) {
	for _, m := range from.Members() {
		old, _ := o.Get(m.Key)
		into, ok := old.(*document.Object)
		added, both := m.Value.(*document.Object)
		if ok && both {
			merge(into, added)
			continue
		}
		o.Set(m.Key, m.Value)
	}
}

// members returns a member that is an object, or an empty one.
func members(o *document.Object, key string) *document.Object {
	v, _ := o.Get(key)
	if m, ok := v.(*document.Object); ok {
		return m
	}
	return new(document.Object)
}

func valueOr(o *document.Object, key string, otherwise any) any {
	if v, ok := o.Get(key); ok {
		return v
	}
	return otherwise
}

func truth(o *document.Object, key string) bool {
	v, _ := o.Get(key)
	return document.Truth(v)
}

// texts returns a list of texts, or a single one.
func texts(o *document.Object, key string) []string {
	v, _ := o.Get(key)
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		var out []string
		for _, e := range v {
			if s, ok := e.(string); ok {
				out = append(out, s)
			}
		}
		return out
	}
	return nil
}

func integer(o *document.Object, key string, absent int) int {
	v, _ := o.Get(key)
	if n, ok := v.(document.Number); ok {
		return int(max(-1<<53, min(1<<53, n.Float64())))
	}
	return absent
}

// namespace is a text, or an object with a prefix.
func namespace(o *document.Object) model.Namespace {
	n := members(o, "xmlNamespace")
	if n.Len() > 0 {
		return model.Namespace{URI: n.Text("uri"), Prefix: n.Text("prefix")}
	}
	return model.Namespace{URI: o.Text("xmlNamespace")}
}
