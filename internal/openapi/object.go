package openapi

import "github.com/clawhq/clawhq-go/internal/js"

// object returns an object of names and values.
func object(members ...any) js.Object {
	o := js.Object{}
	for i := 0; i < len(members); i += 2 {
		o = append(o, js.Member{Name: members[i].(string), Value: members[i+1]})
	}
	return o
}

// Ref returns a reference to a component.
func Ref(kind, name string) js.Object { return object("$ref", "#/components/"+kind+"/"+name) }

// member returns that of an object if it is an object, and else nil.
func member(o js.Object, name string) js.Object {
	v, _ := o.Get(name)
	inner, _ := v.(js.Object)
	return inner
}

// text returns a member if it is text, and else an empty one.
func text(o js.Object, name string) string {
	v, _ := o.Get(name)
	s, _ := v.(string)
	return s
}

// with returns an object with that member, in its place or else at the end.
func with(o js.Object, name string, value any) js.Object {
	changed := append(js.Object{}, o...)
	for i := range changed {
		if changed[i].Name == name {
			changed[i].Value = value
			return changed
		}
	}
	return append(changed, js.Member{Name: name, Value: value})
}

// without returns an object without that member.
func without(o js.Object, name string) js.Object {
	rest := js.Object{}
	for _, m := range o {
		if m.Name != name {
			rest = append(rest, m)
		}
	}
	return rest
}

// overlaid returns an object with the members of another, and so with those that are
// objects in both.
func overlaid(o, over js.Object) js.Object {
	for _, m := range over {
		if inner, ok := m.Value.(js.Object); ok {
			m.Value = overlaid(member(o, m.Name), inner)
		}
		o = with(o, m.Name, m.Value)
	}
	return o
}
