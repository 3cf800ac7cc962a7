"""The look of the built-in templates: page, fonts, tables, after GB/T 9704-2012.

Fonts stand in styles by their Windows names, which officers' machines have; none is shipped.
"""

from collections.abc import Sequence
from typing import Self, cast

import docx
from docx.document import Document
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_LINE_SPACING
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.oxml.xmlchemy import BaseOxmlElement
from docx.shared import Mm, Pt
from docx.styles.style import ParagraphStyle
from docx.table import Table, _Cell
from docx.text.paragraph import Paragraph

TEXT_WIDTH_MM = 156
"""GB/T 9704-2012, 5.1: the text block is 156 mm wide."""

_CENTRE, _RIGHT = WD_ALIGN_PARAGRAPH.CENTER, WD_ALIGN_PARAGRAPH.RIGHT

_BODY_PT = 14
"""四号: GB/T 9704-2012 has 三号 (16), with which a form of two pages would take three."""

_STYLES: tuple[tuple[str, str, float, float | None, WD_ALIGN_PARAGRAPH | None], ...] = (
    # name, font, size in points, exact line in points (None: as tall as its content), place
    ("文书标题", "方正小标宋简体", 22, 33, _CENTRE),
    ("文书编号", "仿宋_GB2312", 14, 24, _RIGHT),
    ("文书正文", "仿宋_GB2312", _BODY_PT, 24, None),
    ("文书小标题", "黑体", 14, 26, None),
    ("文书落款", "仿宋_GB2312", _BODY_PT, 24, _RIGHT),
    ("表格文字", "仿宋_GB2312", 12, 18, None),
    ("表格栏目", "黑体", 12, 18, _CENTRE),
    ("草稿标记", "黑体", 14, 20, _CENTRE),
    ("页码", "宋体", 14, 20, _CENTRE),
    ("截图", "仿宋_GB2312", 12, None, _CENTRE),
    ("校验值", "仿宋_GB2312", 9, 16, _CENTRE),
)


class Page:
    """A document under construction on A4; every method adds at its end."""

    def __init__(self, mark: str) -> None:
        self.document: Document = docx.Document()
        _set_fonts(self.document.styles["Normal"].element, "仿宋_GB2312")
        for name, font, size, line, place in _STYLES:
            _add_style(self.document, name, font, size, line, place)
        self._set_page(mark)

    @classmethod
    def titled(cls, title: str, *, mark: str) -> Self:
        """A page with the authority and the title on top and `mark` heading every page."""
        page = cls(mark)
        page.document.core_properties.title = title
        page.document.core_properties.author = "留痕"
        page.text("{{ authority }}", "文书标题")
        page.text(title, "文书标题")
        return page

    def text(self, text: str, style: str = "文书正文", *, indent: bool = False) -> Paragraph:
        """A paragraph; `indent` sets its first line in by two characters."""
        paragraph = self.document.add_paragraph(text, style)
        if indent:
            # Word and WPS follow the characters, LibreOffice only the length.
            paragraph.paragraph_format.first_line_indent = Pt(2 * _BODY_PT)
            indentation = paragraph._p.get_or_add_pPr().get_or_add_ind()
            indentation.set(qn("w:firstLineChars"), "200")
        return paragraph

    def table(self, widths_mm: Sequence[int]) -> Table:
        """An empty table whose columns have these widths."""
        table: Table = self.document.add_table(rows=0, cols=len(widths_mm))
        table.style = "Table Grid"
        table.autofit = False
        table.alignment = WD_TABLE_ALIGNMENT.CENTER
        # WPS takes the widths from w:gridCol, Word from the cells: `row` sets those.
        for column, width in zip(table.columns, widths_mm, strict=True):
            column.width = Mm(width)
        return table

    def _set_page(self, mark: str) -> None:
        section = self.document.sections[0]
        section.page_width, section.page_height = Mm(210), Mm(297)
        section.top_margin, section.bottom_margin = Mm(37), Mm(35)
        section.left_margin, section.right_margin = Mm(28), Mm(26)
        section.header_distance, section.footer_distance = Mm(20), Mm(25)
        section.header.paragraphs[0].text = mark
        section.header.paragraphs[0].style = self.document.styles["草稿标记"]
        _add_page_number(section.footer.paragraphs[0], self.document)


def row(table: Table, *texts: str, merge_from: int | None = None) -> None:
    """Add a row; labels stand in even columns. `merge_from` joins the cells from there on."""
    cells = _new_row(table)
    if merge_from is not None:
        cells[merge_from].merge(cells[-1])
    for number, (cell, text) in enumerate(zip(cells, texts, strict=False)):
        _fill(cell, text, "表格栏目" if number % 2 == 0 else "表格文字")


def plain_row(table: Table, *texts: str, style: str = "表格文字") -> None:
    """Add a row whose cells all have one style."""
    for cell, text in zip(_new_row(table), texts, strict=True):
        _fill(cell, text, style)


def control_row(table: Table, tag: str) -> None:
    """Add a row that holds only a docxtpl `{%tr … %}` tag; it is gone after rendering."""
    _fill(_new_row(table)[0], tag, "表格文字")


def _new_row(table: Table) -> tuple[_Cell, ...]:
    cells: tuple[_Cell, ...] = table.add_row().cells  # type: ignore[no-untyped-call]
    for column, cell in zip(table.columns, cells, strict=True):
        cell.width = column.width
    return cells


def _fill(cell: _Cell, text: str, style: str) -> None:
    cell.paragraphs[0].text = text
    cell.paragraphs[0].style = style


def _add_style(
    document: Document,
    name: str,
    font: str,
    size: float,
    line: float | None,
    place: WD_ALIGN_PARAGRAPH | None,
) -> None:
    style = cast("ParagraphStyle", document.styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH))
    style.base_style = document.styles["Normal"]
    style.font.size = Pt(size)
    _set_fonts(style.element, font)
    spacing = style.paragraph_format
    spacing.space_before = spacing.space_after = Pt(0)
    if line is not None:
        spacing.line_spacing_rule, spacing.line_spacing = WD_LINE_SPACING.EXACTLY, Pt(line)
    spacing.alignment = place
    spacing.keep_with_next = name == "文书小标题"
    # A line grid would double the height of table rows (seen in LibreOffice and WPS).
    off = OxmlElement("w:snapToGrid")
    off.set(qn("w:val"), "0")
    style.element.get_or_add_pPr().append(off)


def _set_fonts(style: BaseOxmlElement, font: str) -> None:
    """Chinese in `font`; `font.name` alone would leave it in the default (docxtpl issue 169)."""
    fonts = style.get_or_add_rPr().get_or_add_rFonts()
    for script in ("ascii", "hAnsi", "cs"):
        fonts.set(qn(f"w:{script}"), "Times New Roman")
    fonts.set(qn("w:eastAsia"), font)


def _add_page_number(paragraph: Paragraph, document: Document) -> None:
    """`- 1 -`, GB/T 9704-2012, 7.5."""
    paragraph.style = document.styles["页码"]
    paragraph.add_run("- ")
    for kind, code in (("begin", None), (None, "PAGE"), ("end", None)):
        run = paragraph.add_run()
        if kind:
            mark = OxmlElement("w:fldChar")
            mark.set(qn("w:fldCharType"), kind)
        else:
            mark = OxmlElement("w:instrText")
            mark.text = code
        run._r.append(mark)
    paragraph.add_run(" -")
