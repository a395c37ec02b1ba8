package servicefile

import "strings"

// Word spells an API name as the command line does: BatchUpdateUser is batch-update-user,
// ResetPersonalPIN is reset-personal-pin, ListARNs is list-arns. A dash comes before each capital
// that begins a word; runs of capitals stay together.
func Word(name string) string {
	if strings.Contains(name, "-") {
		return name
	}
	for _, w := range irregular {
		if w[0] == name {
			return w[1]
		}
	}
	name = splitPlural(name)
	var b strings.Builder
	for i := 0; i < len(name); { // before a capital with small letters after it
		if i+2 < len(name) && isUpper(name[i+1]) && isLower(name[i+2]) {
			b.WriteByte(name[i])
			b.WriteByte('-')
			for i++; ; i++ {
				b.WriteByte(name[i])
				if i+1 >= len(name) || !isLower(name[i+1]) {
					break
				}
			}
		} else {
			b.WriteByte(name[i])
		}
		i++
	}
	name = b.String()
	b.Reset()
	for i := 0; i < len(name); i++ { // between a small letter or digit and a capital
		b.WriteByte(name[i])
		if i+1 < len(name) && (isLower(name[i]) || isDigit(name[i])) && isUpper(name[i+1]) {
			b.WriteByte('-')
			i++
			b.WriteByte(name[i])
		}
	}
	return strings.ToLower(b.String())
}

// splitPlural makes a word of the plural of an acronym at the end: ListARNs is List-arns.
func splitPlural(name string) string {
	stem, ok := strings.CutSuffix(name, "s")
	if !ok {
		return name
	}
	i := len(stem)
	for i > 0 && isUpper(stem[i-1]) {
		i--
	}
	if len(stem)-i < 2 {
		return name
	}
	return name[:i] + "-" + strings.ToLower(name[i:])
}

// irregular are the names that version 1 spells as no rule does.
var irregular = [...][2]string{
	{"CreateCachediSCSIVolume", "create-cached-iscsi-volume"},
	{"DescribeCachediSCSIVolumes", "describe-cached-iscsi-volumes"},
	{"DescribeStorediSCSIVolumes", "describe-stored-iscsi-volumes"},
	{"CreateStorediSCSIVolume", "create-stored-iscsi-volume"},
	{"ListHITsForQualificationType", "list-hits-for-qualification-type"},
	{"ExecutePartiQLStatement", "execute-partiql-statement"},
	{"ExecutePartiQLTransaction", "execute-partiql-transaction"},
	{"ExecutePartiQLBatch", "execute-partiql-batch"},
}

func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }
func isLower(c byte) bool { return 'a' <= c && c <= 'z' }
func isDigit(c byte) bool { return '0' <= c && c <= '9' }
