# block DOCUMENT TEXT prints the block of code in a document that has a text.
# Read by test-packages and test-installed.
block() {
  awk -v part="$2" '
    /^```/ { if (inside && found) { printf "%s", text; exit } inside = !inside; text = ""; found = 0; next }
    inside { text = text $0 "\n"; if (index($0, part)) found = 1 }' "$1"
}
