const make = (kind, text, parent, attributes = {}) => {
  const node = document.createElement(kind);
  if (text !== "" && text !== null) node.textContent = text;
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (parent) parent.append(node);
  return node;
};
