// What a module exports and a docstring belongs to: its functions and types, and the methods of these. Constants that
// are no function, and `export { name }`, which this project does not use, are left out.

import { parseAst } from 'vitest/node';

type Kind = 'functions' | 'types' | 'methods';
/**
 * One of them, at the offset `at` of the text; a method's name is `Owner.method`. `inherits` names the interfaces that
 * may document a method of a class in its place; `*` stands for the class whose method it overrides.
 */
export type Export = { readonly kind: Kind; readonly name: string; readonly at: number; readonly inherits: readonly string[] };

/** The part of the syntax tree (ESTree with TypeScript) that is looked at. */
type Node = {
  readonly type: string;
  readonly start: number;
  readonly id?: { readonly name: string };
  readonly key?: { readonly type: string; readonly name?: string };
  readonly kind?: string;
  readonly accessibility?: string | null;
  readonly override?: boolean;
  readonly declaration?: Node | null;
  readonly declarations?: readonly Node[];
  readonly implements?: readonly { readonly expression: { readonly name?: string } }[];
  readonly init?: Node | null;
  readonly value?: Node | null;
  readonly typeAnnotation?: Node | null;
  readonly body?: Node | readonly Node[];
  readonly members?: readonly Node[];
};

/** All that a module exports and that should be documented, in its order. */
export function exportsOf(text: string): readonly Export[] {
  const program = parseAst(text, { lang: 'ts' }) as unknown as { readonly body: readonly Node[] };
  return program.body.flatMap((statement) => {
    const { start, declaration } = statement;
    if (statement.type !== 'ExportNamedDeclaration' || !declaration) return [];
    const found = (kind: Kind, name = ''): Export => ({ kind, name, at: start, inherits: [] });
    if (/^(TSDeclare|)Function(Declaration|)$/.test(declaration.type)) return [found('functions', declaration.id?.name)];
    if (declaration.type === 'VariableDeclaration')
      return (declaration.declarations ?? []).filter(({ init }) => isFunction(init)).map(({ id }) => found('functions', id?.name));
    return [found('types', declaration.id?.name), ...methodsOf(declaration)];
  });
}

function methodsOf(declaration: Node): readonly Export[] {
  const inherits = (declaration.implements ?? []).map(({ expression }) => expression.name ?? '');
  const inside = declaration.type === 'TSTypeAliasDeclaration' ? declaration.typeAnnotation : declaration.body;
  const members = inside && 'type' in inside ? (inside.members ?? inside.body) : [];
  return (Array.isArray(members) ? (members as readonly Node[]) : [])
    .filter(
      ({ key, kind, accessibility }) =>
        key?.name !== undefined && key.type !== 'PrivateIdentifier' && kind !== 'constructor' && accessibility !== 'private',
    )
    .filter(({ type, kind, value, typeAnnotation }) => {
      if (/Property/.test(type)) return isFunction(value) || isFunction(typeAnnotation?.typeAnnotation);
      return kind === 'method';
    })
    .map(({ key, start, override }) => ({
      kind: 'methods',
      name: `${declaration.id?.name}.${key?.name}`,
      at: start,
      inherits: override === true ? [...inherits, '*'] : inherits,
    }));
}

const isFunction = (node: Node | null | undefined) =>
  /^(ArrowFunctionExpression|FunctionExpression|TSFunctionType)$/.test(node?.type ?? '');
