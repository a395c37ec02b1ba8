package api_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/carillon-project/carillon/internal/chime"
	"github.com/carillon-project/carillon/internal/chime/api"
)

// echo is a service that keeps the input it was called with and gives a fixed output, for the
// operations that the tests call.
type echo struct {
	api.API
	input any
	users []api.User
	batch []api.UserError
}

func (e *echo) BatchUpdateUser(_ context.Context, in *api.BatchUpdateUserInput) (*api.BatchUpdateUserOutput, error) {
	e.input = in
	return &api.BatchUpdateUserOutput{UserErrors: e.batch}, nil
}

func (e *echo) CreateAccount(_ context.Context, in *api.CreateAccountInput) (*api.CreateAccountOutput, error) {
	e.input = in
	return &api.CreateAccountOutput{}, nil
}

func (e *echo) BatchSuspendUser(_ context.Context, in *api.BatchSuspendUserInput) (*api.BatchSuspendUserOutput, error) {
	e.input = in
	return &api.BatchSuspendUserOutput{}, nil
}

func (e *echo) InviteUsers(_ context.Context, in *api.InviteUsersInput) (*api.InviteUsersOutput, error) {
	e.input = in
	return &api.InviteUsersOutput{}, nil
}

func (e *echo) ListUsers(_ context.Context, in *api.ListUsersInput) (*api.ListUsersOutput, error) {
	e.input = in
	return &api.ListUsersOutput{Users: e.users}, nil
}

func (e *echo) GetUserSettings(_ context.Context, in *api.GetUserSettingsInput) (*api.GetUserSettingsOutput, error) {
	e.input = in
	return &api.GetUserSettingsOutput{}, nil
}

func (e *echo) UpdateUserSettings(_ context.Context, in *api.UpdateUserSettingsInput) (*api.UpdateUserSettingsOutput, error) {
	e.input = in
	return &api.UpdateUserSettingsOutput{}, nil
}

func (e *echo) PutRetentionSettings(_ context.Context, in *api.PutRetentionSettingsInput) (*api.PutRetentionSettingsOutput, error) {
	e.input = in
	return &api.PutRetentionSettingsOutput{}, nil
}

func (e *echo) UpdatePhoneNumberSettings(_ context.Context, in *api.UpdatePhoneNumberSettingsInput) (*api.UpdatePhoneNumberSettingsOutput, error) {
	e.input = in
	return &api.UpdatePhoneNumberSettingsOutput{}, nil
}

func (e *echo) GetPhoneNumberOrder(_ context.Context, in *api.GetPhoneNumberOrderInput) (*api.GetPhoneNumberOrderOutput, error) {
	e.input = in
	return &api.GetPhoneNumberOrderOutput{}, nil
}

func request(query, body string) api.Request {
	values, err := url.ParseQuery(query)
	if err != nil {
		panic(err)
	}
	return api.Request{Label: func(name string) string { return "the-" + name }, Query: values, Body: []byte(body)}
}

func call(t *testing.T, service api.API, operation string, r api.Request) (string, error) {
	t.Helper()
	out, err := api.Bind(service, operation)(context.Background(), r)
	return string(out), err
}

func TestBind(t *testing.T) {
	for _, op := range chime.Service.All() {
		api.Bind(&echo{}, op.Name) // does not panic
	}
	defer func() {
		if got, want := recover(), "api: no operation Nothing"; got != want {
			t.Errorf("an unknown operation: got panic %v, want %s", got, want)
		}
	}()
	api.Bind(&echo{}, "Nothing")
}

func TestDecode(t *testing.T) {
	for _, tt := range []struct {
		name, operation, query, body string
		want                         any
	}{
		{"all members", "BatchUpdateUser", "", `{"UpdateUserRequestItems":[
			{"UserId":"a","LicenseType":"Pro","UserType":"SharedDevice","AlexaForBusinessMetadata":{"IsAlexaForBusinessEnabled":true,"AlexaForBusinessRoomArn":"arn:x"}},
			{"UserId":"\u00e9\ud83d\ude00"}]}`,
			&api.BatchUpdateUserInput{AccountId: "the-accountId", UpdateUserRequestItems: []api.UpdateUserRequestItem{
				{UserId: "a", LicenseType: api.LicensePro, UserType: api.UserTypeSharedDevice, AlexaForBusinessMetadata: &api.AlexaForBusinessMetadata{
					IsAlexaForBusinessEnabled: new(true), AlexaForBusinessRoomArn: new("arn:x")}},
				{UserId: "é😀"},
			}}},
		{"false and empty are not absent", "BatchUpdateUser", "", `{"UpdateUserRequestItems":[{"UserId":"a","AlexaForBusinessMetadata":{"IsAlexaForBusinessEnabled":false,"AlexaForBusinessRoomArn":""}}]}`,
			&api.BatchUpdateUserInput{AccountId: "the-accountId", UpdateUserRequestItems: []api.UpdateUserRequestItem{
				{UserId: "a", AlexaForBusinessMetadata: &api.AlexaForBusinessMetadata{IsAlexaForBusinessEnabled: new(false), AlexaForBusinessRoomArn: new("")}},
			}}},
		{"null is absent", "BatchUpdateUser", "", `{"UpdateUserRequestItems":[{"UserId":"a","LicenseType":null,"UserType":null,"AlexaForBusinessMetadata":null}]}`,
			&api.BatchUpdateUserInput{AccountId: "the-accountId", UpdateUserRequestItems: []api.UpdateUserRequestItem{{UserId: "a"}}}},
		{"empty list", "BatchUpdateUser", "", `{"UpdateUserRequestItems":[]}`,
			&api.BatchUpdateUserInput{AccountId: "the-accountId", UpdateUserRequestItems: []api.UpdateUserRequestItem{}}},
		{"unknown members", "BatchUpdateUser", "", `{"New":{"UserId":[1,{}]},"UpdateUserRequestItems":[{"userid":7,"UserId":"a","LicenseType2":"pro"}],"AccountId":"other"}`,
			&api.BatchUpdateUserInput{AccountId: "the-accountId", UpdateUserRequestItems: []api.UpdateUserRequestItem{{UserId: "a"}}}},
		{"escaped member name", "CreateAccount", "", `{"N\u0061me":"x"}`, &api.CreateAccountInput{Name: "x"}},
		{"what only looks like NUL", "CreateAccount", "", `{"Name":"\\u0000","u0000":1}`, &api.CreateAccountInput{Name: `\u0000`}},
		{"blanks around", "CreateAccount", "", " \t\r\n{ \"Name\" : \"x\" }\n", &api.CreateAccountInput{Name: "x"}},
		{"length counts characters", "CreateAccount", "", `{"Name":"` + strings.Repeat("é", 100) + `"}`, &api.CreateAccountInput{Name: strings.Repeat("é", 100)}},
		{"empty calling name", "UpdatePhoneNumberSettings", "", `{"CallingName":""}`, &api.UpdatePhoneNumberSettingsInput{}},
		{"whole number at its bound", "PutRetentionSettings", "", `{"RetentionSettings":{"RoomRetentionSettings":{"RetentionDays":5475},"ConversationRetentionSettings":{}}}`,
			&api.PutRetentionSettingsInput{AccountId: "the-accountId", RetentionSettings: &api.RetentionSettings{
				RoomRetentionSettings:         &api.RoomRetentionSettings{RetentionDays: new(5475)},
				ConversationRetentionSettings: &api.ConversationRetentionSettings{},
			}}},
		{"query", "ListUsers", "user-email=a%40b.example&user-type=SharedDevice&max-results=200&next-token=abc&new=1", "",
			&api.ListUsersInput{AccountId: "the-accountId", UserEmail: new("a@b.example"), UserType: api.UserTypeSharedDevice, MaxResults: new(200), NextToken: new("abc")}},
		{"empty token of the first page", "ListUsers", "next-token=", "", &api.ListUsersInput{AccountId: "the-accountId"}},
		{"no member in the body", "ListUsers", "", "not read", &api.ListUsersInput{AccountId: "the-accountId"}},
		{"nesting of 100", "CreateAccount", "", `{"Name":"[[[[{{{{\"[[[","x":` + strings.Repeat("[", 99) + strings.Repeat("]", 99) + `}`, &api.CreateAccountInput{Name: `[[[[{{{{"[[[`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			service := &echo{}
			if _, err := call(t, service, tt.operation, request(tt.query, tt.body)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, service.input); diff != "" {
				t.Errorf("input (-want +got):\n%s", diff)
			}
		})
	}
}

// What breaks the contract is named, each member with its path, and the service is not called.
func TestDecodeRefuses(t *testing.T) {
	items := func(list string) string { return `{"UpdateUserRequestItems":[` + list + `]}` }
	for _, tt := range []struct {
		name, operation, query, body string
		want                         []string
	}{
		{"missing list", "BatchUpdateUser", "", `{}`, []string{"UpdateUserRequestItems is required"}},
		{"null list", "BatchUpdateUser", "", `{"UpdateUserRequestItems":null}`, []string{"UpdateUserRequestItems is required"}},
		{"no body", "BatchUpdateUser", "", ``, []string{"UpdateUserRequestItems is required"}},
		{"blank body", "BatchUpdateUser", "", " \r\n\t", []string{"UpdateUserRequestItems is required"}},
		{"list of another type", "BatchUpdateUser", "", `{"UpdateUserRequestItems":{"a":[]}}`, []string{"UpdateUserRequestItems must be a list (a JSON array)"}},
		{"too many items", "BatchUpdateUser", "", items(strings.Repeat(`{"UserId":"a"},`, 20) + `{"UserId":"a"}`), []string{"UpdateUserRequestItems must have at most 20 items, it has 21"}},
		{"null item", "BatchUpdateUser", "", items(`{"UserId":"a"},null`), []string{"UpdateUserRequestItems[1] must be a structure (a JSON object)"}},
		{"item of another type", "BatchUpdateUser", "", items(`"a"`), []string{"UpdateUserRequestItems[0] must be a structure (a JSON object)"}},
		{"missing id", "BatchUpdateUser", "", items(`{"UserId":"a"},{"LicenseType":"Pro"}`), []string{"UpdateUserRequestItems[1].UserId is required"}},
		{"null id", "BatchUpdateUser", "", items(`{"UserId":null}`), []string{"UpdateUserRequestItems[0].UserId is required"}},
		{"blank id", "BatchUpdateUser", "", items(`{"UserId":" \t"}`), []string{"UpdateUserRequestItems[0].UserId must not be blank, nor hold a line break"}},
		{"empty id", "BatchUpdateUser", "", items(`{"UserId":""}`), []string{"UpdateUserRequestItems[0].UserId must not be blank, nor hold a line break"}},
		{"id of another type", "BatchUpdateUser", "", items(`{"UserId":7}`), []string{"UpdateUserRequestItems[0].UserId must be a string"}},
		{"enum in another case", "BatchUpdateUser", "", items(`{"UserId":"a","LicenseType":"pro"}`), []string{`UpdateUserRequestItems[0].LicenseType is "pro", not one of Basic, Plus, Pro, ProTrial`}},
		{"unknown enum", "BatchUpdateUser", "", items(`{"UserId":"a","UserType":"Room"}`), []string{`UpdateUserRequestItems[0].UserType is "Room", not one of PrivateUser, SharedDevice`}},
		{"empty enum", "BatchUpdateUser", "", items(`{"UserId":"a","LicenseType":""}`), []string{`UpdateUserRequestItems[0].LicenseType is "", not one of Basic, Plus, Pro, ProTrial`}},
		{"boolean as a string", "BatchUpdateUser", "", items(`{"UserId":"a","AlexaForBusinessMetadata":{"IsAlexaForBusinessEnabled":"true"}}`),
			[]string{"UpdateUserRequestItems[0].AlexaForBusinessMetadata.IsAlexaForBusinessEnabled must be true or false"}},
		{"several at once", "BatchUpdateUser", "", items(`{"UserId":"a","LicenseType":[]},{},{"UserId":"b","UserType":"x"}`), []string{
			"UpdateUserRequestItems[0].LicenseType must be a string",
			"UpdateUserRequestItems[1].UserId is required",
			`UpdateUserRequestItems[2].UserType is "x", not one of PrivateUser, SharedDevice`,
		}},
		{"null in a list of strings", "BatchSuspendUser", "", `{"UserIdList":["a",null]}`, []string{"UserIdList[1] must be a string"}},
		{"blank in a list of strings", "BatchSuspendUser", "", `{"UserIdList":[" "]}`, []string{"UserIdList[0] must not be blank, nor hold a line break"}},
		{"pattern", "InviteUsers", "", `{"UserEmailList":["a@b.example","nobody"]}`, []string{`UserEmailList[1] must match the pattern .+@.+\..+`}},
		{"pattern of the whole value", "InviteUsers", "", `{"UserEmailList":["a@b.example\n"]}`, []string{`UserEmailList[0] must match the pattern .+@.+\..+`}},
		{"too short", "CreateAccount", "", `{"Name":""}`, []string{"Name must have at least 1 characters, it has 0"}},
		{"too long", "CreateAccount", "", `{"Name":"` + strings.Repeat("é", 101) + `"}`, []string{"Name must have at most 100 characters, it has 101"}},
		{"nested required", "UpdateUserSettings", "", `{"UserSettings":{"Telephony":{"SMS":true}}}`, []string{
			"UserSettings.Telephony.InboundCalling is required", "UserSettings.Telephony.OutboundCalling is required"}},
		{"number out of range", "PutRetentionSettings", "", `{"RetentionSettings":{"RoomRetentionSettings":{"RetentionDays":0}}}`,
			[]string{"RetentionSettings.RoomRetentionSettings.RetentionDays must be between 1 and 5475"}},
		{"fraction", "PutRetentionSettings", "", `{"RetentionSettings":{"RoomRetentionSettings":{"RetentionDays":1.5}}}`,
			[]string{"RetentionSettings.RoomRetentionSettings.RetentionDays must be a whole number"}},
		{"number beyond all", "PutRetentionSettings", "", `{"RetentionSettings":{"RoomRetentionSettings":{"RetentionDays":99999999999999999999}}}`,
			[]string{"RetentionSettings.RoomRetentionSettings.RetentionDays must be a whole number"}},
		{"query", "ListUsers", "user-type=Room&max-results=0", "", []string{
			`UserType is "Room", not one of PrivateUser, SharedDevice`, "MaxResults must be between 1 and 200"}},
		{"query without a number", "ListUsers", "max-results=ten", "", []string{"MaxResults must be a whole number"}},
		{"empty values of the query", "ListUsers", "max-results=&user-email=", "", []string{
			`UserEmail must match the pattern .+@.+\..+`, "MaxResults must be a whole number"}},
		{"query of other bytes", "ListUsers", "next-token=%ff&user-email=a%00%40b.example", "", []string{
			"UserEmail must be UTF-8 text without NUL characters", "NextToken must be UTF-8 text without NUL characters"}},
		{"body of another type", "CreateAccount", "", `"Name"`, []string{"The body must be a structure (a JSON object)"}},
		{"list as a body", "CreateAccount", "", `[{}]`, []string{"The body must be a structure (a JSON object)"}},
		{"null as a body", "CreateAccount", "", `null`, []string{"The body must be a structure (a JSON object)"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			service := &echo{}
			_, err := call(t, service, tt.operation, request(tt.query, tt.body))
			refused, ok := errors.AsType[*api.Error](err)
			if !ok || refused.Exception != api.BadRequestException {
				t.Fatalf("got %v, want a BadRequestException", err)
			}
			if got := strings.Split(refused.Message, "; "); !sameSet(got, tt.want) {
				t.Errorf("problems: got %q, want %q", got, tt.want)
			}
			if service.input != nil {
				t.Error("the service was called")
			}
		})
	}
}

// sameSet compares without regard to order: problems come in the order of the text.
func sameSet(x, y []string) bool {
	count := map[string]int{}
	for _, s := range x {
		count[s]++
	}
	for _, s := range y {
		count[s]--
	}
	for _, n := range count {
		if n != 0 {
			return false
		}
	}
	return true
}

// Text that is not JSON, or that two readers could understand differently, is refused as a whole.
func TestDecodeRefusesText(t *testing.T) {
	for _, tt := range []struct{ name, body, want string }{
		{"cut off", `{"Name":"x"`, "too early"},
		{"cut off in a string", `{"Name":"x`, "too early"},
		{"not JSON", `Name=x`, "invalid character"},
		{"comma too many", `{"Name":"x",}`, "invalid character"},
		{"single quotes", `{'Name':'x'}`, "invalid character"},
		{"two values", `{"Name":"x"}{}`, "more text follows"},
		{"trailing text", `{"Name":"x"} x`, "invalid character"},
		{"duplicate member", `{"Name":"x","Name":"y"}`, "duplicate"},
		{"duplicate by escape", `{"Name":"x","N\u0061me":"y"}`, "duplicate"},
		{"duplicate unknown member", `{"Name":"x","u":{"v":1,"v":2}}`, "duplicate"},
		{"invalid UTF-8", "{\"Name\":\"\xff\"}", "UTF-8"},
		{"invalid UTF-8 in an unknown member", "{\"Name\":\"x\",\"u\":\"\xc3\"}", "UTF-8"},
		{"lone high surrogate", `{"Name":"\ud800"}`, "surrogate"},
		{"lone low surrogate", `{"Name":"\udc00x"}`, "surrogate"},
		{"NUL as an escape", `{"Name":"a\u0000b"}`, "NUL character, at byte 10"},
		{"NUL in an unknown member", `{"Name":"x","u":["\u0000"]}`, "NUL character, at byte 18"},
		{"NUL in a name", `{"Name":"x","\u0000":1}`, "NUL character, at byte 13"},
		{"NUL as a byte", "{\"Name\":\"a\x00b\"}", "invalid character"},
		{"byte order mark", "\ufeff{\"Name\":\"x\"}", "invalid character"},
		{"nesting of 101", `{"Name":"x","u":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`, "deeper than 100"},
		{"nesting without end", strings.Repeat("[", 100000), "deeper than 100"},
		{"NaN", `{"Name":"x","u":NaN}`, "invalid character"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			service := &echo{}
			_, err := call(t, service, "CreateAccount", request("", tt.body))
			refused, ok := errors.AsType[*api.Error](err)
			if !ok || refused.Exception != api.BadRequestException ||
				!strings.HasPrefix(refused.Message, "The body is not valid JSON: ") || !strings.Contains(refused.Message, tt.want) {
				t.Errorf("got %v, want a BadRequestException on the JSON with %q", err, tt.want)
			}
			if service.input != nil {
				t.Error("the service was called")
			}
		})
	}
}

func TestDecodeNamesSomeOfManyProblems(t *testing.T) {
	body := `{"UpdateUserRequestItems":[{}` + strings.Repeat(`,{}`, 99_999) + `]}`
	_, err := call(t, &echo{}, "BatchUpdateUser", request("", body))
	if err == nil || !strings.HasSuffix(err.Error(), "UpdateUserRequestItems[19].UserId is required; and 99981 more problems") {
		t.Errorf("got %.2000v, want 20 problems and the count of the others", err)
	}
}

func TestLabels(t *testing.T) {
	for _, tt := range []struct{ operation, label, want string }{
		{"BatchSuspendUser", " ", "AccountId must not be blank, nor hold a line break"},
		{"BatchSuspendUser", "", "AccountId must not be blank, nor hold a line break"},
		{"GetUserSettings", " ", "AccountId must not be blank, nor hold a line break; UserId must not be blank, nor hold a line break"}, // the model has no pattern here
		{"BatchSuspendUser", "\xff", "AccountId must be UTF-8 text without NUL characters"},
		{"BatchSuspendUser", "a\x00", "AccountId must be UTF-8 text without NUL characters"},
		{"GetPhoneNumberOrder", "x", "PhoneNumberOrderId must match the pattern [a-fA-F0-9]{8}(?:-[a-fA-F0-9]{4}){3}-[a-fA-F0-9]{12}"},
	} {
		r := request("", `{"UserIdList":[]}`)
		r.Label = func(string) string { return tt.label }
		_, err := call(t, &echo{}, tt.operation, r)
		refused, ok := errors.AsType[*api.Error](err)
		if !ok || refused.Message != tt.want {
			t.Errorf("%s of %q: got %v, want %s", tt.operation, tt.label, err, tt.want)
		}
	}
}

func TestEncode(t *testing.T) {
	at := time.Date(2019, 1, 4, 18, 11, 22, 3_999_999, time.FixedZone("", 3600))
	for _, tt := range []struct {
		name, operation string
		service         *echo
		want            string
	}{
		{"lists are never left out", "BatchUpdateUser", &echo{}, `{"UserErrors":[]}`},
		{"members in order", "BatchUpdateUser", &echo{batch: []api.UserError{
			{UserId: new("a"), ErrorCode: api.ErrorCodeNotFound, ErrorMessage: new("no \"a\"")}, {UserId: new("b")}}},
			`{"UserErrors":[{"UserId":"a","ErrorCode":"NotFound","ErrorMessage":"no \"a\""},{"UserId":"b"}]}`},
		{"times in UTC with milliseconds", "ListUsers", &echo{users: []api.User{{UserId: "a", RegisteredOn: at}}},
			`{"Users":[{"UserId":"a","RegisteredOn":"2019-01-04T17:11:22.003Z"}]}`},
		{"false is not absent", "ListUsers", &echo{users: []api.User{{UserId: "a", AlexaForBusinessMetadata: &api.AlexaForBusinessMetadata{IsAlexaForBusinessEnabled: new(false)}}}},
			`{"Users":[{"UserId":"a","AlexaForBusinessMetadata":{"IsAlexaForBusinessEnabled":false}}]}`},
		{"text is escaped", "ListUsers", &echo{users: []api.User{{UserId: "a\n\"\\é😀<>&\x01\xff"}}},
			`{"Users":[{"UserId":"a\n\"\\é😀<>&\u0001` + "\ufffd" + `"}]}`},
		{"an output without members is empty", "UpdateUserSettings", &echo{}, ``},
	} {
		t.Run(tt.name, func(t *testing.T) {
			body := `{"UpdateUserRequestItems":[],"UserSettings":{"Telephony":{"InboundCalling":true,"OutboundCalling":true,"SMS":true}}}`
			got, err := call(t, tt.service, tt.operation, request("", body))
			if err != nil {
				t.Fatal(err)
			}
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestAppendError(t *testing.T) {
	got := string(api.AppendError(nil, "BadRequest", "a \"b\"\n"))
	if want := `{"Code":"BadRequest","Message":"a \"b\"\n"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestException_Status(t *testing.T) {
	for x, want := range map[api.Exception]string{
		api.BadRequestException:            "400 BadRequest",
		api.ResourceLimitExceededException: "400 ResourceLimitExceeded",
		api.UnauthorizedClientException:    "401 Unauthorized",
		api.ForbiddenException:             "403 Forbidden",
		api.AccessDeniedException:          "403 AccessDenied",
		api.NotFoundException:              "404 NotFound",
		api.UnknownOperationException:      "404 NotFound",
		api.MethodNotAllowedException:      "405 BadRequest",
		api.ConflictException:              "409 Conflict",
		api.RequestEntityTooLargeException: "413 BadRequest",
		api.UnsupportedMediaTypeException:  "415 BadRequest",
		api.UnprocessableEntityException:   "422 Unprocessable",
		api.ThrottledClientException:       "429 Throttled",
		api.ServiceFailureException:        "500 ServiceFailure",
		api.ServiceUnavailableException:    "503 ServiceUnavailable",
		"SomeOtherException":               "500 ServiceFailure",
	} {
		status, code := x.Status()
		if got := fmt.Sprint(status, " ", code); got != want {
			t.Errorf("%s: got %s, want %s", x, got, want)
		}
	}
}

// notBlank is the model's pattern for texts that must not be blank.
var notBlank = regexp.MustCompile(`\A(?:.*\S.*)\z`)

// The hand-written check of texts that must not be blank is the model's regular expression.
func FuzzNotBlank(f *testing.F) {
	for _, s := range []string{"", " ", "a", " a ", "\t\r\f", "\v", "a\n", "\n", "\na", "\u00a0", "\u2028", "\u0085", "\r"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		body := []byte(`{"UserIdList":[]}`)
		r := api.Request{Label: func(string) string { return s }, Body: body}
		_, err := api.Bind(&echo{}, "BatchSuspendUser")(context.Background(), r)
		blank := err != nil && strings.Contains(err.Error(), "must not be blank")
		bytes := err != nil && strings.Contains(err.Error(), "UTF-8")
		if !bytes && blank == notBlank.MatchString(s) {
			t.Errorf("%q: got %v; the rule says %v", s, err, notBlank.MatchString(s))
		}
	})
}

func FuzzDecode(f *testing.F) {
	f.Add(batch(3))
	f.Add(`{"UpdateUserRequestItems":[{"UserId":"a","LicenseType":null},null,[],7,{"UserId":"\ud800"}]}`)
	f.Add(`{"UpdateUserRequestItems":[{"UserId":"a","AlexaForBusinessMetadata":{"IsAlexaForBusinessEnabled":1e5}}]}x`)
	f.Fuzz(func(t *testing.T, body string) {
		service := &echo{}
		_, err := api.Bind(service, "BatchUpdateUser")(context.Background(), request("", body))
		refused, ok := errors.AsType[*api.Error](err)
		if err != nil && (!ok || refused.Exception != api.BadRequestException || service.input != nil) {
			t.Fatalf("got %v with input %v, want a BadRequestException before the service is called", err, service.input)
		}
		if err != nil {
			return
		}
		in := service.input.(*api.BatchUpdateUserInput)
		if in.UpdateUserRequestItems == nil || len(in.UpdateUserRequestItems) > 20 {
			t.Errorf("%d items of %q were let through", len(in.UpdateUserRequestItems), body)
		}
		for _, item := range in.UpdateUserRequestItems {
			if !notBlank.MatchString(item.UserId) {
				t.Errorf("the id %q was let through", item.UserId)
			}
		}
	})
}

// batch is the body of a BatchUpdateUser of n items, each with a license.
func batch(n int) string {
	var b strings.Builder
	b.WriteString(`{"UpdateUserRequestItems":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"UserId":"0190a5b4-7c3e-7d21-9f00-%012d","LicenseType":"Basic"}`, i)
	}
	b.WriteString(`]}`)
	return b.String()
}

func BenchmarkDecode20(b *testing.B) {
	h := api.Bind(&echo{}, "BatchUpdateUser")
	r := request("", batch(20))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h(context.Background(), r); err != nil {
			b.Fatal(err)
		}
	}
}

func TestExceptions(t *testing.T) {
	got := api.Exceptions("DeleteAccount")
	want := []api.Exception{
		api.UnauthorizedClientException, api.NotFoundException, api.ForbiddenException, api.BadRequestException,
		api.ThrottledClientException, api.UnprocessableEntityException, api.ServiceUnavailableException, api.ServiceFailureException,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("DeleteAccount: %s", diff)
	}
	for _, op := range chime.Service.All() {
		if len(api.Exceptions(op.Name)) == 0 {
			t.Errorf("%s has no exceptions", op.Name)
		}
	}
	if got := api.Exceptions("DeleteEverything"); got != nil {
		t.Errorf("of an operation that there is not: %v", got)
	}
}
