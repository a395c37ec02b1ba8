package params

import (
	"math/rand/v2"
	"strings"

	"github.com/carillon-project/carillon/internal/document"
	"github.com/carillon-project/carillon/internal/model"
)

// InputSkeleton returns an input with every member, to be filled in: empty strings, zeros,
// true, and for an enum a member picked at random. A nil shape gives an empty object.
func InputSkeleton(shape *model.Shape) *document.Object {
	return skeleton(shape, func(s *model.Shape, _ string) string {
		switch {
		case s.Kind == model.Timestamp:
			return epoch
		case len(s.Enum) > 0:
			return s.Enum[rand.IntN(len(s.Enum))]
		}
		return ""
	})
}

// OutputSkeleton returns an output in which every string is the name of its member. forJSON
// says that it will be printed as JSON, for which version 1 spells timestamps with a T.
func OutputSkeleton(shape *model.Shape, forJSON bool) *document.Object {
	return skeleton(shape, func(s *model.Shape, name string) string {
		switch {
		case s.Kind != model.Timestamp:
			return name
		case forJSON:
			return epoch
		}
		return strings.Replace(epoch, "T", " ", 1)
	})
}

const epoch = "1970-01-01T00:00:00"

func skeleton(shape *model.Shape, text func(s *model.Shape, name string) string) *document.Object {
	if shape == nil {
		return document.NewObject()
	}
	return sample(shape, "", text).(*document.Object)
}

func sample(shape *model.Shape, name string, text func(*model.Shape, string) string) any {
	switch shape.Kind {
	case model.Structure:
		o := document.NewObject()
		for _, m := range shape.Members {
			o.Set(m.Name, sample(m.Shape, m.Name, text))
		}
		return o
	case model.List:
		return []any{sample(shape.Element, shape.Element.Name, text)}
	case model.Boolean:
		return true
	case model.Integer:
		return document.Int(0)
	}
	return text(shape, name)
}
