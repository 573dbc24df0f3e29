package receipt

// Word returns the word of a number, from 0 to 1,023.
func Word(number int) string { return wordList()[number] }

// ReadWords reads exactly count words of the list as a person types them, by the
// rules of [Parse], and returns their numbers. There is no check byte: a word that is
// one slip away from one on the list is taken for that, so show what was read.
func ReadWords(s string, count int) (numbers []int, ok bool) {
	typed := split(s)
	if len(typed) != count {
		return nil, false
	}
	for _, word := range typed {
		number, _, ok := recognise(word)
		if !ok {
			return nil, false
		}
		numbers = append(numbers, number)
	}
	return numbers, true
}
