package directory

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/carillon-project/carillon/internal/address"
	"github.com/carillon-project/carillon/internal/chime/api"
	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/store"
)

// Amazon Chime published the quota of bots and the length of their names. It showed tokens of 40
// characters, and addresses that end in -chimebot. It said nothing about the length of an endpoint.
const (
	maxBots     = 10   // in an account
	maxBotName  = 55   // characters, without botSuffix
	maxEndpoint = 2048 // bytes
	tokenBytes  = 30   // which are 40 characters in base64

	botSuffix  = " (Bot)"    // of the name that is kept
	botMailbox = "-chimebot" // the end of the mailbox in the address
)

// The store keeps security tokens as they are, unlike secrets of access keys. The API shows them to
// whoever may read a bot, and they sign nothing that this service would believe. Were they sealed,
// each rotation of the secret key would rewrite all bots of all accounts, and its loss would
// silence them. Log and trail never tell a token, nor where events go, which may hold a secret too.

// CreateBot makes a bot, which stays as long as its account: it can be disabled, but neither
// renamed nor deleted. Its address is made of its name, in a domain that the account has claimed:
// the one claimed first if Domain names none. The address must be that of no registered user, no
// user of the account and no other bot; from then on no user can be added under it. A bot keeps its
// address when its account is deleted or releases the domain.
func (s *Service) CreateBot(ctx context.Context, in *api.CreateBotInput) (*api.CreateBotOutput, error) {
	if n := utf8.RuneCountInString(in.DisplayName); strings.TrimSpace(in.DisplayName) == "" || n > maxBotName {
		return nil, api.BadRequest("DisplayName must have 1 to %d characters, not all of them blank: it has %d", maxBotName, n)
	}
	return write(ctx, s, opCreateBot, func(c *change) (*api.CreateBotOutput, error) {
		a, err := c.account(in.AccountId)
		if err == nil {
			err = enterprise(a, "bots")
		}
		if err != nil {
			return nil, err
		}
		n, err := c.CountBots(a.AccountID)
		if err != nil {
			return nil, err
		}
		if n >= maxBots {
			return nil, api.Errorf(api.ResourceLimitExceededException, "Account %s has %d bots, and can have no more", a.AccountID, n)
		}
		email, err := c.botEmail(a, in)
		if err != nil {
			return nil, err
		}
		token, err := c.securityToken()
		if err != nil {
			return nil, err
		}
		b := store.Bot{
			AccountID:     a.AccountID,
			BotID:         c.newID(),
			Name:          in.DisplayName + botSuffix,
			Email:         email,
			Created:       c.now,
			SecurityToken: token,
			Updated:       c.now,
		}
		if err := c.InsertBot(&b); err != nil {
			return nil, err
		}
		c.record(a, b.BotID, nil, botFields(b))
		return &api.CreateBotOutput{Bot: new(showBot(b))}, nil
	})
}

// botEmail returns the address that a new bot gets: its name without blanks, in lower case. The
// errors tell nothing of the name, which may be confidential.
func (c *change) botEmail(a store.Account, in *api.CreateBotInput) (string, error) {
	domains, err := c.Domains(a.AccountID)
	if err != nil {
		return "", err
	}
	if len(domains) == 0 {
		return "", api.BadRequest("Account %s has claimed no domain that a bot could have an address in", a.AccountID)
	}
	first := slices.MinFunc(domains, func(a, b store.Domain) int { return a.Claimed.Compare(b.Claimed) })
	domain := first.Name
	if in.Domain != nil {
		if domain, err = address.Domain(*in.Domain); err != nil {
			return "", api.BadRequest("Domain: %v", err)
		}
		if !slices.ContainsFunc(domains, func(d store.Domain) bool { return d.Name == domain }) {
			return "", api.BadRequest("Domain %.64s is not claimed by account %s", domain, a.AccountID)
		}
	}
	name := strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, in.DisplayName)
	email, err := address.Parse(strings.ToLower(name) + botMailbox + "@" + domain)
	if bad, ok := errors.AsType[*address.Error](err); ok {
		return "", api.BadRequest("DisplayName makes no e-mail address for the bot: %s", bad.Problem)
	}
	if err != nil {
		return "", err
	}
	taken, err := c.isTaken(a.AccountID, email.Text)
	if err != nil {
		return "", err
	}
	if taken {
		return "", api.BadRequest("The e-mail address that DisplayName makes in domain %.64s is taken: choose another name", domain)
	}
	return email.Text, nil
}

// isTaken reports whether an address is that of a bot, of a registered user, or of a user of the
// account. An invitation to another account does not matter, as for CreateUser.
func (c *change) isTaken(accountID, email string) (bool, error) {
	bots, err := c.BotEmails([]string{email})
	if err != nil || len(bots) > 0 {
		return len(bots) > 0, err
	}
	holders, err := c.Addresses([]string{email})
	return slices.ContainsFunc(holders, func(h store.Address) bool { return h.Registered || h.AccountID == accountID }), err
}

// GetBot returns one bot, with its security token.
func (s *Service) GetBot(ctx context.Context, in *api.GetBotInput) (*api.GetBotOutput, error) {
	return read(ctx, s, func(tx store.ReadTx, caller Caller) (*api.GetBotOutput, error) {
		a, err := findAccount(tx, caller, in.AccountId)
		if err != nil {
			return nil, err
		}
		b, err := findBot(tx, a, in.BotId)
		if err != nil {
			return nil, err
		}
		return &api.GetBotOutput{Bot: new(showBot(b))}, nil
	})
}

// ListBots pages through the bots of an account, with their security tokens.
func (s *Service) ListBots(ctx context.Context, in *api.ListBotsInput) (*api.ListBotsOutput, error) {
	return read(ctx, s, func(tx store.ReadTx, caller Caller) (*api.ListBotsOutput, error) {
		list := s.listing("ListBots", caller.AWSAccountID, in.AccountId)
		after, err := list.after(in.NextToken)
		if err != nil {
			return nil, err
		}
		a, err := findAccount(tx, caller, in.AccountId)
		if err == nil {
			err = enterprise(a, "bots")
		}
		if err != nil {
			return nil, err
		}
		bots, next, err := tx.ListBots(a.AccountID, after, pageSize(in.MaxResults, botPage))
		if err != nil {
			return nil, err
		}
		out := &api.ListBotsOutput{Bots: []api.Bot{}, NextToken: list.token(next)}
		for _, b := range bots {
			out.Bots = append(out.Bots, showBot(b))
		}
		return out, nil
	})
}

// UpdateBot disables a bot, or enables it. What the bot is already changes nothing.
func (s *Service) UpdateBot(ctx context.Context, in *api.UpdateBotInput) (*api.UpdateBotOutput, error) {
	b, err := s.changeBot(ctx, opUpdateBot, in.AccountId, in.BotId, func(c *change, b *store.Bot) error {
		if in.Disabled != nil && *in.Disabled != b.Disabled {
			b.Disabled, b.Updated = *in.Disabled, c.now
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.UpdateBotOutput{Bot: new(showBot(b))}, nil
}

// RegenerateSecurityToken gives a bot a new token. The old one is dead at once.
func (s *Service) RegenerateSecurityToken(ctx context.Context, in *api.RegenerateSecurityTokenInput) (*api.RegenerateSecurityTokenOutput, error) {
	b, err := s.changeBot(ctx, opRegenerateSecurityToken, in.AccountId, in.BotId, func(c *change, b *store.Bot) (err error) {
		b.SecurityToken, err = c.securityToken()
		b.Updated = c.now
		return err
	})
	if err != nil {
		return nil, err
	}
	return &api.RegenerateSecurityTokenOutput{Bot: new(showBot(b))}, nil
}

// PutEventsConfiguration says where the events of a bot are to be sent, instead of what was said
// before: to an HTTPS endpoint, which must answer a challenge first, or a Lambda function. It keeps
// and shows the name of a function, but calls none: the events for it are dropped.
func (s *Service) PutEventsConfiguration(ctx context.Context, in *api.PutEventsConfigurationInput) (*api.PutEventsConfigurationOutput, error) {
	endpoint, arn := orEmpty(in.OutboundEventsHTTPSEndpoint), orEmpty(in.LambdaFunctionArn)
	switch {
	case (in.OutboundEventsHTTPSEndpoint == nil) == (in.LambdaFunctionArn == nil):
		return nil, api.BadRequest("Give one of OutboundEventsHTTPSEndpoint and LambdaFunctionArn")
	case in.OutboundEventsHTTPSEndpoint != nil && !isEndpoint(endpoint):
		return nil, api.BadRequest("OutboundEventsHTTPSEndpoint must be a URL such as https://bots.example.com/path, of %d bytes at most", maxEndpoint)
	case in.LambdaFunctionArn != nil && !lambdaARN().MatchString(arn):
		return nil, api.BadRequest("LambdaFunctionArn must be an ARN such as arn:aws:lambda:us-east-1:111122223333:function:name")
	}
	if endpoint != "" {
		if err := s.verifyEndpoint(ctx, in.AccountId, in.BotId, endpoint); err != nil {
			return nil, err
		}
	}
	b, err := s.changeBot(ctx, opPutEventsConfiguration, in.AccountId, in.BotId, func(c *change, b *store.Bot) error {
		b.HTTPSEndpoint, b.LambdaARN = endpoint, arn
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.PutEventsConfigurationOutput{EventsConfiguration: showEvents(b)}, nil
}

// GetEventsConfiguration says where the events of a bot are to be sent.
func (s *Service) GetEventsConfiguration(ctx context.Context, in *api.GetEventsConfigurationInput) (*api.GetEventsConfigurationOutput, error) {
	return read(ctx, s, func(tx store.ReadTx, caller Caller) (*api.GetEventsConfigurationOutput, error) {
		a, err := findAccount(tx, caller, in.AccountId)
		if err != nil {
			return nil, err
		}
		b, err := findBot(tx, a, in.BotId)
		if err != nil {
			return nil, err
		}
		if !b.HasEvents() {
			return nil, api.Errorf(api.NotFoundException, "Bot %s has no events configuration", b.BotID)
		}
		return &api.GetEventsConfigurationOutput{EventsConfiguration: showEvents(b)}, nil
	})
}

// DeleteEventsConfiguration forgets where the events of a bot are to be sent, if that was said. An
// unknown bot is NotFound, although the contract does not name this error here: nothing else would
// be honest.
func (s *Service) DeleteEventsConfiguration(ctx context.Context, in *api.DeleteEventsConfigurationInput) (*api.DeleteEventsConfigurationOutput, error) {
	_, err := s.changeBot(ctx, opDeleteEventsConfiguration, in.AccountId, in.BotId, func(c *change, b *store.Bot) error {
		b.HTTPSEndpoint, b.LambdaARN = "", ""
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.DeleteEventsConfigurationOutput{}, nil
}

// changeBot writes and records what fn changes of a bot, if it does, and returns the bot as it is
// then.
func (s *Service) changeBot(ctx context.Context, op operation, accountID, botID string, fn func(*change, *store.Bot) error) (store.Bot, error) {
	return write(ctx, s, op, func(c *change) (store.Bot, error) {
		a, err := c.account(accountID)
		if err != nil {
			return store.Bot{}, err
		}
		before, err := findBot(c, a, botID)
		if err != nil {
			return before, err
		}
		after := before
		if err := fn(c, &after); err != nil || after == before {
			return after, err
		}
		c.record(a, after.BotID, botFields(before), botFields(after))
		return after, c.UpdateBot(after)
	})
}

func findBot(tx store.ReadTx, a store.Account, botID string) (store.Bot, error) {
	if err := enterprise(a, "bots"); err != nil {
		return store.Bot{}, err
	}
	b, err := tx.Bot(a.AccountID, botID)
	if errors.Is(err, store.ErrNotFound) {
		return b, api.Errorf(api.NotFoundException, "Bot %.64s was not found in the account", botID)
	}
	return b, err
}

// bots returns the bots of an account by their ids. There are few of them, even in an account that
// was imported.
func (c *change) bots(a store.Account) (map[string]*store.Bot, error) {
	byID := make(map[string]*store.Bot)
	for after := store.Entry(0); ; {
		page, next, err := c.ListBots(a.AccountID, after, maxBots)
		if err != nil {
			return nil, err
		}
		for _, b := range page {
			byID[b.BotID] = &b
		}
		if after = next; after == 0 {
			return byID, nil
		}
	}
}

func (c *change) securityToken() (string, error) {
	b := make([]byte, tokenBytes)
	if _, err := io.ReadFull(c.random, b); err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(b), nil
}

// isEndpoint reports whether events could be sent to a URL. A user in it would be a second secret,
// and a fragment is never sent.
func isEndpoint(text string) bool {
	u, err := url.Parse(text)
	if err != nil || len(text) > maxEndpoint || strings.Contains(text, "#") {
		return false
	}
	if u.Port() != "" {
		if n, err := strconv.ParseUint(u.Port(), 10, 16); err != nil || n == 0 {
			return false
		}
	}
	return u.Scheme == "https" && u.User == nil && !strings.HasSuffix(u.Host, ":") && isHost(u.Hostname()) &&
		!strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7F })
}

// isHost reports whether a text is a name or an address of a host, in ASCII.
func isHost(text string) bool {
	if _, err := netip.ParseAddr(text); err == nil {
		return true
	}
	return hostName().MatchString(text) && len(text) <= 253
}

var (
	hostName = pattern(`^(?i)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*\.?$`)

	// lambdaARN matches the ARN of a Lambda function, with a version or an alias if one is named.
	lambdaARN = pattern(`^arn:aws(-[a-z]+)*:lambda:[a-z]{2,5}(-[a-z]+)+-\d+:\d{12}:function:[a-zA-Z0-9_-]{1,64}(:(\$LATEST|[a-zA-Z0-9_-]{1,128}))?$`)
)

func showBot(b store.Bot) api.Bot {
	return api.Bot{
		BotId:            new(b.BotID),
		UserId:           new(b.BotID),
		DisplayName:      new(b.Name),
		BotType:          api.BotTypeChatBot,
		Disabled:         new(b.Disabled),
		CreatedTimestamp: b.Created,
		UpdatedTimestamp: b.Updated,
		BotEmail:         new(b.Email),
		SecurityToken:    new(b.SecurityToken),
	}
}

func showEvents(b store.Bot) *api.EventsConfiguration {
	return &api.EventsConfiguration{
		BotId:                       new(b.BotID),
		OutboundEventsHTTPSEndpoint: orNil(b.HTTPSEndpoint),
		LambdaFunctionArn:           orNil(b.LambdaARN),
	}
}

func botFields(b store.Bot) []document.Member {
	return []document.Member{
		{Key: "BotId", Value: label(b.BotID)},
		{Key: "DisplayName", Value: b.Name},
		{Key: "BotEmail", Value: b.Email},
		{Key: "CreatedTimestamp", Value: stampOf(b.Created)},
		{Key: "Disabled", Value: b.Disabled},
		{Key: "SecurityToken", Value: secret(b.SecurityToken)},
		{Key: "OutboundEventsHTTPSEndpoint", Value: secret(b.HTTPSEndpoint)},
		{Key: "LambdaFunctionArn", Value: secret(b.LambdaARN)},
	}
}
