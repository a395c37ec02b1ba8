package params

import (
	"math/rand/v2"
	"slices"
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
	s := &sampler{text: text, left: maxSample}
	return s.value(shape, "").(*document.Object)
}

// sampler makes a sample of a shape. A structure that it is in the middle of is empty the second
// time.
type sampler struct {
	text func(s *model.Shape, name string) string
	open []*model.Shape
	left int // how many values there may be yet
}

// maxSample bounds a sample: a model from anywhere may have few shapes that make very many values.
const maxSample = 1_000_000

func (s *sampler) value(shape *model.Shape, name string) any {
	s.left--
	switch shape.Kind {
	case model.Structure:
		o := document.NewObject()
		if s.left < 0 || s.isOpen(shape) {
			return o
		}
		s.open = append(s.open, shape)
		for i := range shape.Members {
			m := &shape.Members[i]
			o.Set(m.Name, s.value(m.Shape, m.Name))
		}
		s.open = s.open[:len(s.open)-1]
		return o
	case model.List, model.Map:
		if s.isOpen(shape) { // version 1 would never end
			return nil
		}
		s.open = append(s.open, shape)
		defer func() { s.open = s.open[:len(s.open)-1] }()
		if shape.Kind == model.Map {
			return document.NewObject(document.Member{Key: "KeyName", Value: s.value(shape.Value, "")})
		}
		return []any{s.value(shape.Element, shape.Element.Name)}
	case model.Boolean:
		return true
	case model.Integer, model.Long:
		return document.Int(0)
	case model.Float, model.Double:
		return document.Float(0)
	case model.Blob:
		return nil
	}
	return s.text(shape, name)
}

func (s *sampler) isOpen(shape *model.Shape) bool {
	return slices.ContainsFunc(s.open, func(o *model.Shape) bool { return o == shape || o.Name == shape.Name && shape.Kind == model.Structure })
}
