"""Writes the built-in templates; `python -m service.documents.build_templates` after a change.

A brigade that edits the .docx files in WPS instead needs none of this.
"""

import io
from pathlib import Path

from service.documents.layout import Page, control_row, plain_row, row

FOLDER = Path(__file__).parents[1] / "templates_docx"


def evidence_sheet() -> Page:
    """视听资料（电子数据）证据说明单."""
    page = Page.titled(
        "视听资料（电子数据）证据说明单",
        mark="{% if not approved_by %}草稿　未经法制审核{% endif %}",
    )
    page.text("证据编号：{{ exhibit_no }}", "文书编号")
    _facts_table(page)
    _moments_table(page)
    _review_table(page)
    _confirmation(page)
    _checkpoint(page)
    _stills(page)
    return page


def penalty_draft() -> Page:
    """当场行政处罚决定书（草稿）."""
    page = Page.titled("当场行政处罚决定书（草稿）", mark="草稿　未经法制审核　不得送达")
    page.text("{{ document_no }}", "文书编号")
    table = page.table((28, 50, 28, 50))
    row(table, "当事人", "{{ party.name }}", "证件号码", "{{ party.id_no }}")
    row(table, "单位负责人", "{{ party.representative }}", "联系电话", "{{ party.phone }}")
    row(table, "地址", "{{ party.address }}", merge_from=1)
    page.text("")
    for text in (
        "经查明，当事人于{{ act_at }}在{{ place }}，实施了下列违法行为：{{ conduct }}",
        "以上事实有下列证据证明：{{ evidence }}。",
    ):
        page.text(text, indent=True)
    _provisions(page, "上述行为违反了：", "violated")
    _provisions(page, "依据：", "basis")
    for text in (
        "本机关决定给予当事人：{{ penalty }}。",
        "同时责令当事人改正：{{ correction }}",
        "出示执法证件，告知拟处罚内容及事实、理由、依据和陈述、申辩权利的情况：{{ told }}",
        "当事人陈述、申辩及复核情况：{{ heard }}",
        "履行方式和期限：{{ payment }}",
        "逾期不缴纳：{{ late_payment }}",
        "救济途径和期限：{{ remedy }}",
        "本决定书报所属行政机关备案。",
    ):
        page.text(text, indent=True)
    page.text("执法人员：{{ officers }}")
    page.text("执法人员签名：　　　　　　　　　　、")
    page.text("当事人签收或拒签情况：{{ receipt }}")
    page.text("当事人签名：　　　　　　　　　　　年　　月　　日")
    page.text("")
    page.text("{{ authority }}（印章）", "文书落款")
    page.text("{{ decided_on }}", "文书落款")
    return page


def _provisions(page: Page, lead: str, name: str) -> None:
    page.text(lead, indent=True).paragraph_format.keep_with_next = True
    page.text("{%p for provision in " + name + " %}")
    page.text("{{ provision }}", indent=True)
    page.text("{%p endfor %}")


def _facts_table(page: Page) -> None:
    table = page.table((30, 48, 30, 48))
    row(table, "案件编号", "{{ case_no }}", "案由", "{{ cause }}")
    row(table, "证据名称", "{{ exhibit_name }}", merge_from=1)
    row(table, "设备编号", "{{ device.no }}", "设备型号", "{{ device.model }}")
    row(table, "点位", "{{ device.site }}", "设备性质", "{{ device.legal_status }}")
    row(table, "公布情况", "{{ device.published }}", "审核文号", "{{ device.review_no }}")
    for label, text in (
        ("原始载体及存放处", "{{ original_medium }}"),
        ("录制起止时间", "{{ recorded }}"),
        ("时钟偏差", "{{ clock }}"),
    ):
        row(table, label, text, merge_from=1)
    row(table, "时长", "{{ duration }}", "分辨率", "{{ resolution }}")
    row(table, "编码", "{{ codec }}", "帧率", "{{ fps }}")
    row(table, "文件名", "{{ file_name }}", "文件大小", "{{ size_bytes }}")
    for label, text in (
        ("SHA-256", "{{ sha256 }}"),
        ("是否剪辑", "{{ edited }}"),
        ("断流缺口", "{{ gaps }}"),
        ("提取方法", "{{ method }}"),
    ):
        row(table, label, text, merge_from=1)
    row(table, "提取时间", "{{ extracted_at }}", "提取地点", "{{ extracted_where }}")
    for label, text in (
        ("制作人", "{{ makers }}"),
        ("证明对象", "{{ purpose }}"),
        ("语音文字记录", "{{ transcript }}"),
    ):
        row(table, label, text, merge_from=1)


def _moments_table(page: Page) -> None:
    page.text("关键内容与时间段", "文书小标题")
    table = page.table((42, 54, 60))
    plain_row(table, "片内位置", "北京时间", "画面内容", style="表格栏目")
    control_row(table, "{%tr for moment in moments %}")
    plain_row(table, "{{ moment.position }}", "{{ moment.time }}", "{{ moment.text }}")
    control_row(table, "{%tr endfor %}")


def _review_table(page: Page) -> None:
    page.text("证据审核（行政处罚法第四十一条第二款）", "文书小标题")
    table = page.table((30, 24, 102))
    plain_row(table, "审核项", "符合", "理由", style="表格栏目")
    control_row(table, "{%tr for quality in qualities %}")
    plain_row(table, "{{ quality.name }}", "{{ quality.met }}", "{{ quality.reason }}")
    control_row(table, "{%tr endfor %}")
    row(table, "审核结论", "{{ review.conclusion }}", merge_from=1)
    row(table, "审核人", "{{ reviewers }}", merge_from=1)
    row(table, "审核时间", "{{ reviewed_at }}", merge_from=1)


def _confirmation(page: Page) -> None:
    page.text("当事人观看及确认意见", "文书小标题")
    page.text("{{ party_statement }}", indent=True)
    page.text("当事人（签名）：　　　　　　　　　　　　年　　月　　日")
    page.text("持有人或见证人（签名）：　　　　　　　　年　　月　　日")
    page.text("制作人（签名）：　　　　　　、　　　　　　　年　　月　　日")


def _stills(page: Page) -> None:
    page.text("附：截图（共 {{ stills | length }} 幅，为派生件，不替代原始文件）", "文书小标题")
    page.text("{%p for still in stills %}")
    page.text("{{ still.picture }}", "截图").paragraph_format.keep_with_next = True
    page.text("{{ still.caption }}", "截图").paragraph_format.keep_with_next = True
    page.text("SHA-256：{{ still.sha256 }}", "校验值")
    page.text("{%p endfor %}")


def _checkpoint(page: Page) -> None:
    page.text("日志检查点（本单制作时系统日志的签名状态）", "文书小标题")
    page.text("{{ checkpoint.text }}", "校验值")
    page.text("签名密钥指纹：{{ checkpoint.fingerprint }}", "校验值")
    page.text("{{ checkpoint.code }}")


BUILDERS = {"evidence_sheet": evidence_sheet, "penalty_draft": penalty_draft}


def build(name: str) -> bytes:
    """The .docx file of one built-in template."""
    out = io.BytesIO()
    BUILDERS[name]().document.save(out)
    return out.getvalue()


if __name__ == "__main__":
    for each in BUILDERS:
        (FOLDER / f"{each}.docx").write_bytes(build(each))
