package awscli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/carillon-project/carillon/internal/client"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/model"
	"github.com/carillon-project/carillon/internal/output"
	"github.com/carillon-project/carillon/internal/params"
	"github.com/carillon-project/carillon/internal/profile"
	"github.com/carillon-project/carillon/internal/python"
	"github.com/carillon-project/carillon/internal/terminal"
)

// command is one operation with the options of its command line.
type command struct {
	*cli
	service *model.Service
	op      *model.Operation
	waiter  *model.Waiter // nil for a plain call
	options []operationOption
	line    *parsed
	outfile string // for the body of the reply, if the operation has one to be passed on

	paginate bool
	pages    pageOptions

	connection *profile.Connection // nil until it is known
}

// operationOption is an option and the member of the input that it fills, nil for none.
type operationOption struct {
	*option
	member *model.Member
	// pages says that it is one of the options for pages. If the operation has a member of that name,
	// the option fills the member when pages are not followed. If that member is what names a page,
	// the option says that they are not followed, as --next-token does; only --max-items never does.
	pages bool
}

// The options that fill no member of the input.
const (
	inputJSON     = "--cli-input-json"
	startingToken = "--starting-token"
	pageSize      = "--page-size"
	maxItems      = "--max-items"
	skeleton      = "--generate-cli-skeleton"
)

// commandOptions returns the options of an operation in the order of version 1.
func commandOptions(op *model.Operation) []operationOption {
	var out []operationOption
	add := func(o *option, m *model.Member) { out = append(out, operationOption{o, m, false}) }
	pages := pageOptionsOf(op)
	addPages := func(o *option, m *model.Member) { out = append(out, operationOption{o, m, true}) }
	if op.Input != nil {
		for i := range op.Input.Members {
			m := &op.Input.Members[i]
			if at := slices.IndexFunc(pages, func(o *option) bool { return o.name == "--"+m.Option }); at >= 0 {
				addPages(pages[at], m)
				pages = slices.Delete(pages, at, at+1)
				continue
			}
			o := &option{name: "--" + m.Option, required: m.Required && !m.IdempotencyToken}
			o.hidden = op.Paginator.Takes(m.Name)
			switch m.Shape.Kind {
			case model.List:
				o.takes = many
			case model.Boolean:
				o.takes = none
				o.required = false // the parser does not look; validation does
				o.inverse = &option{name: "--no-" + m.Option, takes: none, inverse: o}
				add(o, m)
				add(o.inverse, m)
				continue
			case model.Long:
				o.integer = true
			case model.Float, model.Double:
				o.float = true
			}
			add(o, m)
		}
	}
	streams := op.Output.Streams() != nil // these have neither of two options in version 1
	if !streams {
		add(&option{name: inputJSON}, nil)
	}
	for _, o := range pages {
		addPages(o, nil)
	}
	if !streams {
		add(&option{name: skeleton, takes: optional, choices: []string{"input", "output"}}, nil)
	}
	return out
}

// pageOptionsOf returns the options for pages. The limit of a service may be a text; then
// --page-size and --max-items are texts, too.
func pageOptionsOf(op *model.Operation) []*option {
	p := op.Paginator
	if p == nil {
		return nil
	}
	options := []*option{{name: startingToken}}
	integer := true
	if p.LimitKey != "" {
		if op.Input != nil {
			m := op.Input.Member(p.LimitKey)
			integer = m == nil || m.Shape.Kind != model.String
		}
		options = append(options, &option{name: pageSize, integer: integer})
	}
	return append(options, &option{name: maxItems, integer: integer})
}

// runOperation runs `aws SERVICE OPERATION ...`.
func (c *cli) runOperation(ctx context.Context, s *model.Service, op *model.Operation, words []string) error {
	return c.runCommand(ctx, s, op, nil, words)
}

// runCommand runs an operation, once or for a waiter.
func (c *cli) runCommand(ctx context.Context, s *model.Service, op *model.Operation, waiter *model.Waiter, words []string) error {
	if op.Fault != "" {
		return errors.New(op.Fault)
	}
	if slices.Equal(words, []string{"help"}) { // even where options are required
		return c.operationHelp(s, op, waiter)
	}
	cmd := &command{cli: c, service: s, op: op, waiter: waiter, options: commandOptions(op)}
	c.called = cmd
	known := make([]*option, len(cmd.options))
	for i, o := range cmd.options {
		known[i] = o.option
	}
	streams := op.Output.Streams() != nil
	if !streams && optionsAreOptional(words) {
		for _, o := range known {
			o.required = false
		}
	}
	word := positional{name: "help"}
	if streams {
		word = positional{name: "outfile", required: true}
	}
	line, err := parse(words, known, word)
	if err != nil {
		return err
	}
	switch {
	case word.required:
		cmd.outfile = line.word
	case line.word == "help":
		return c.operationHelp(s, op, waiter)
	case line.word != "": // an empty word is no word to version 1
		line.rest = append(line.rest, line.word)
	}
	if len(line.rest) > 0 {
		return unknownOptions(line.rest)
	}
	cmd.line = line
	if cmd.pages, cmd.paginate, err = cmd.readPageOptions(); err != nil {
		return err
	}
	input, err := cmd.input(ctx)
	if err != nil {
		return err
	}
	return cmd.invoke(ctx, input)
}

// optionsAreOptional reports whether the line holds, spelled out, --cli-input-json or
// --generate-cli-skeleton (without "output" after it). They make every option optional.
func optionsAreOptional(words []string) bool {
	if slices.Contains(words, inputJSON) {
		return true
	}
	i := slices.Index(words, skeleton)
	return i >= 0 && !(i+1 < len(words) && words[i+1] == "output")
}

// value returns the word of one of the operation's own options, and whether it was given.
func (c *command) value(name string) (string, bool) {
	for _, o := range c.options {
		if o.name == name {
			return c.line.last(o.option)
		}
	}
	return "", false
}

// input makes the input from the options, in the order of the contract, and adds what only
// --cli-input-json has.
func (c *command) input(ctx context.Context) (*document.Object, error) {
	files := c.loader(ctx)
	input := document.NewObject()
	for _, o := range c.options {
		words, given := c.line.values[o.option]
		if !given {
			continue
		}
		switch {
		case o.pages && o.name == maxItems && (c.paginate || o.member == nil):
			n, err := document.ToInt(words[0])
			if err != nil {
				return nil, err
			}
			items := clamp(n)
			if c.pages.maxItems = &items; items <= 0 {
				fmt.Fprintln(c.stderr, "warning: Non-positive values for --max-items may result in undefined behavior.")
			}
		case o.member == nil, o.pages && c.paginate:
			// Version 1 loads a file here and ignores its content, but not its errors.
			if o.name == inputJSON || o.name == startingToken {
				content, _, err := files.Load(words[0])
				if err != nil {
					return nil, &params.Error{Option: o.name, Reason: err.Error()}
				}
				if text, ok := content.(string); ok && o.name == startingToken {
					c.pages.start = text
				}
			}
		case o.takes == none:
			input.Set(o.member.Name, o.name == "--"+o.member.Option)
		case slices.Equal(words, []string{"--"}) && (o.member.Shape.Kind == model.String || o.member.Shape.Kind == model.List):
			// Only --option=-- has it here. Version 1's parser drops it, and a list of nothing is left.
			input.Set(o.member.Name, []any{})
		case o.pages && o.integer && o.member.Shape.Kind == model.List:
			// The parser has made a number of the word: version 1 has a Python error there.
			return nil, &params.Error{Option: o.name, Reason: "a number is no list: give the list in --cli-input-json"}
		case o.pages && o.member.Shape.Kind == model.Boolean:
			input.Set(o.member.Name, words[0]) // validation refuses it
			if n, err := document.ToInt(words[0]); o.integer && err == nil {
				input.Set(o.member.Name, n)
			}
		default:
			v, err := params.Read(o.name, o.member, words, files)
			if err != nil {
				return nil, err
			}
			input.Set(o.member.Name, v)
		}
	}
	if c.pages.stray {
		input.Set("PaginationConfig", document.NewObject())
	}
	text, given := c.value(inputJSON)
	if !given {
		return input, nil
	}
	more, err := params.ReadInputJSON(text, files)
	if err != nil {
		return nil, err
	}
	for _, m := range more.Members() {
		if _, ok := input.Get(m.Key); !ok {
			input.Set(m.Key, m.Value)
		}
	}
	return input, nil
}

// contextParams returns what a call of an operation says to the rules of endpoints.
func contextParams(op *model.Operation, input *document.Object) map[string]any {
	if op.ContextParams == nil {
		return nil
	}
	values := map[string]any{}
	for _, p := range op.ContextParams {
		if values[p.Name] != nil {
			continue
		}
		var v any
		if p.Path != "" {
			v = search(input, p.Path)
		} else {
			v, _ = document.Parse(p.Value)
		}
		if list, ok := v.([]any); ok {
			texts := make([]string, len(list))
			for i, e := range list {
				texts[i], _ = e.(string)
			}
			v = texts
		}
		values[p.Name] = v
	}
	return values
}

// loader loads what an option names in place of its value.
func (c *cli) loader(ctx context.Context) *params.Loader {
	return &params.Loader{
		Expand: c.env.Expand,
		Fetch:  func(url string) (string, error) { return c.fetch(ctx, url) },
		FollowURLs: func() bool {
			follow, err := c.settings.FollowURLs()
			return follow && err == nil
		},
	}
}

// defaultTimeout is how long to wait for a connection, and for a server that sends nothing.
const defaultTimeout = 60 * time.Second

// invoke prints a skeleton, or makes the call and prints its reply.
func (c *command) invoke(ctx context.Context, input *document.Object) error {
	kind, asked := c.value(skeleton)
	if asked && kind != "output" {
		_, err := c.out.Write(append(document.AppendIndented(nil, params.InputSkeleton(c.op.Input)), '\n'))
		return err
	}
	auth := c.op.Auth
	if auth == "" {
		auth = c.service.Auth
	}
	signed := !c.global.has(noSignOption) && auth != model.NoAuth && auth != model.Bearer
	c.settings.ContextParams = contextParams(c.op, input)
	conn, err := c.settings.Connect(ctx, c.service, signed)
	if err != nil {
		return err
	}
	c.connection = conn
	validate, err := c.settings.ValidateParameters()
	if err != nil {
		return err
	}
	check := func(input *document.Object) error {
		if validate {
			return params.Validate(input, c.op.Input)
		}
		return writable(input, c.op.Input)
	}
	var call caller
	if asked {
		format, err := c.settings.Output()
		if err != nil {
			return err
		}
		call = func(input *document.Object) (*document.Object, error) {
			// Version 1 validates its own sample, too, and first: 0 is no valid number of days.
			sample := params.OutputSkeleton(c.op.Output, format.Text == "json")
			if err := params.Validate(sample, c.op.Output); err != nil {
				return nil, err
			}
			return sample, check(input)
		}
	} else {
		http, err := c.connect(conn)
		if err != nil {
			return err
		}
		defer http.Close()
		send := func(input *document.Object) (*client.Reply, error) {
			if err := check(input); err != nil {
				return nil, err
			}
			if err := conn.Ready(ctx); err != nil {
				return nil, err
			}
			if auth == model.Bearer && c.token() == "" && !c.global.has(noSignOption) {
				return nil, profile.Error("Unable to locate authorization token")
			}
			return http.Call(ctx, c.op, input)
		}
		if c.waiter != nil {
			return c.wait(ctx, func() (*client.Reply, error) { return send(input) })
		}
		call = func(input *document.Object) (*document.Object, error) {
			reply, err := send(input)
			if err != nil {
				return nil, err
			}
			if op := c.op.Output.Streams(); op != nil {
				if err := os.WriteFile(c.outfile, reply.Body, 0o666); err != nil {
					return nil, python.OSError(err, c.outfile)
				}
			}
			return reply.Output, nil
		}
	}
	return c.print(call, input, asked)
}

// writable returns the error by which version 1 fails to write a request of an input that was not
// validated: its texts are those of Python, with no more than a name.
func writable(input *document.Object, shape *model.Shape) error {
	if shape == nil {
		return nil
	}
	for _, m := range input.Members() {
		if m.Value == nil { // is left out
			continue
		}
		member := shape.Member(m.Key)
		if member == nil {
			return errors.New(python.Repr(m.Key))
		}
		if member.Location != model.Body {
			continue
		}
		if err := writableValue(m.Value, member.Shape); err != nil {
			return err
		}
	}
	return nil
}

func writableValue(v any, shape *model.Shape) error {
	if shape.Document {
		return nil
	}
	o, isObject := v.(*document.Object)
	switch shape.Kind {
	case model.Structure, model.Map:
		if !isObject {
			return fmt.Errorf("'%s' object has no attribute 'items'", document.Class(v))
		}
		for _, m := range o.Members() {
			of := shape.Value
			if shape.Kind == model.Structure {
				member := shape.Member(m.Key)
				if member == nil {
					return errors.New(python.Repr(m.Key))
				}
				of = member.Shape
			}
			if err := writableValue(m.Value, of); err != nil {
				return err
			}
		}
	case model.List:
		var elements []any
		switch v := v.(type) {
		case []any:
			elements = v
		case string:
			for _, r := range python.Runes(v) {
				elements = append(elements, python.String([]rune{r}))
			}
		case *document.Object:
			for _, m := range v.Members() {
				elements = append(elements, m.Key)
			}
		default:
			return fmt.Errorf("'%s' object is not iterable", document.Class(v))
		}
		for _, e := range elements {
			if err := writableValue(e, shape.Element); err != nil {
				return err
			}
		}
	}
	return nil
}

// connect makes the client of a connection.
func (c *command) connect(conn *profile.Connection) (*client.Client, error) {
	if !c.global.has(noVerifyOption) {
		if err := conn.CheckCABundle(); err != nil {
			return nil, err
		}
	}
	if err := c.checkTimeouts(); err != nil {
		return nil, err
	}
	config := client.Config{
		Endpoint: conn.Endpoint.URL, Region: conn.Endpoint.SigningRegion, Service: c.service,
		UserAgent: version(), Proxy: client.ProxyFromEnvironment(c.env.Lookup, conn.Endpoint.URL),
		CABundle: conn.CABundle.Text, NoVerifySSL: c.global.has(noVerifyOption),
		NoHostPrefix: conn.NoHostPrefix, Token: c.token(), Header: conn.Endpoint.Header, SigningName: conn.Endpoint.SigningName,
		ReadTimeout: c.timeout(readTimeoutOption), ConnectTimeout: c.timeout(connectTimeoutOption),
		Retry: client.RetryMode(conn.Retry.Mode), MaxAttempts: conn.Retry.MaxAttempts, ISO8601: c.iso8601,
	}
	config.Renew = conn.Renew()
	if c.global.has(debugOption) {
		c.debugConnection(conn)
		config.Trace = c.debugAttempt
	}
	return client.New(config)
}

// token returns the bearer token of the service, "" for none.
func (c *command) token() string {
	if c.global.has(noSignOption) {
		return ""
	}
	name := strings.NewReplacer("-", "_", " ", "_").Replace(strings.ToUpper(c.service.SigningName))
	token, _ := c.env.Lookup(fmt.Sprintf("AWS_BEARER_TOKEN_%s", name))
	return token
}

// timeout returns the value of a timeout option, 0 for none.
func (c *cli) timeout(o *option) time.Duration {
	text, ok := c.global.last(o)
	if !ok {
		return defaultTimeout
	}
	n, _ := document.ToInt(text) // checkGlobals has seen it
	return time.Duration(min(n.Float64(), 1e9)) * time.Second
}

// checkTimeouts refuses negative timeouts. Version 1 does so where it makes its client, and not
// where it reads the options.
func (c *cli) checkTimeouts() error {
	for _, t := range []struct {
		name string
		o    *option
	}{{"connect", connectTimeoutOption}, {"read", readTimeoutOption}} {
		text, ok := c.global.last(t.o)
		if n, err := document.ToInt(text); ok && err == nil && n.Float64() < 0 {
			//lint:ignore ST1005 version 1's text
			return fmt.Errorf("Attempted to set %s timeout to %s, but the timeout cannot be set to a value less than or equal to 0.", t.name, document.Spell(n))
		}
	}
	return nil
}

// caller makes one call of the operation.
type caller func(input *document.Object) (*document.Object, error)

// print makes the call, or the calls of a listing, and prints what comes back.
func (c *command) print(call caller, input *document.Object, stub bool) error {
	formatName, err := c.settings.Output()
	if err != nil {
		return err
	}
	//lint:ignore ST1005 version 1's text
	unknownFormat := fmt.Errorf("Unknown output type: %s", formatName.Text)
	known := slices.Contains(outputOption.choices, formatName.Text)
	if c.op.Paginator == nil || !c.paginate || stub {
		reply, err := call(input)
		if err != nil {
			return err
		}
		if !known {
			return unknownFormat
		}
		c.colored = formatName.Text == "table" && c.terminal().Color
		if err := c.format(formatName.Text, reply); err != nil {
			return err
		}
		if stub {
			return nil
		}
		return c.itemsFailed(reply)
	}
	if !known { // a listing is printed while it is fetched
		return unknownFormat
	}
	c.colored = formatName.Text == "table" && c.terminal().Color
	list := &listing{model: c.op.Paginator, options: c.pages, call: call, takes: c.op.Input, input: input}
	if formatName.Text == "text" {
		err := list.each(func(page, same *document.Object) error {
			merge(same, page)
			return c.format("text", same)
		})
		if err != nil || list.resume == "" {
			return err
		}
		token := document.NewObject(document.Member{Key: resumeKey, Value: list.resume})
		return c.format("text", document.NewObject(document.Member{Key: resumeKey, Value: token}))
	}
	whole, err := list.all()
	if err != nil {
		return err
	}
	return c.format(formatName.Text, whole)
}

// itemsFailed reports a reply that lists refused items of a batch, if the user asks for that. To
// version 1 such a reply is a success.
func (c *command) itemsFailed(reply *document.Object) error {
	if asked, _ := c.env.Lookup("CARILLON_FAIL_ON_USER_ERRORS"); asked != "1" && !strings.EqualFold(asked, "true") {
		return nil
	}
	refused, _ := reply.Get(c.op.ItemErrors)
	if list, _ := refused.([]any); len(list) > 0 {
		return exitStatus(exitItemsFailed)
	}
	return nil
}

// format applies --query to a reply and prints the result.
func (c *command) format(name string, reply *document.Object) error {
	var v any = reply
	if c.query != nil {
		result, err := c.query.Search(v)
		if err != nil {
			return err
		}
		v = result
	}
	switch name {
	case "text":
		if err := output.Text(c.out, v); err != nil && !is[syscall.Errno](err) {
			return err
		}
		// Now, since a listing prints page by page, and a failure here is an error of its own kind.
		if err := c.out.Flush(); err != nil {
			return &writeError{err: err, text: true}
		}
		return nil
	case "table":
		return wrapWrite(output.Table(c.out, c.op.Name, v, c.terminal()))
	}
	return wrapWrite(output.JSON(c.out, v))
}

// terminal describes where a table is drawn.
func (c *cli) terminal() output.Terminal {
	t := output.Terminal{Width: output.DefaultWidth}
	if width, ok := terminal.Width(c.stdout); ok {
		t.Width = width
	}
	switch color, _ := c.global.last(colorOption); color {
	case "on":
		t.Color = true
	case "off":
	default:
		t.Color = terminal.Is(c.stdout)
	}
	return t
}
